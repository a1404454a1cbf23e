// Package temporal finds the Temporal command and knows with which arguments
// its development server is started, for `tasksync dev` and for tests.
package temporal

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// Namespace is the namespace that the development server starts with.
const Namespace = "default"

// ErrNotFound says that the temporal command is neither in bin nor on the
// PATH; its text names the command that builds it.
var ErrNotFound = errors.New("没有找到 temporal 命令：在源码目录运行 make tools（从 Go 模块代理编译，只需一次，约 4 分钟），" +
	"或设置 TEMPORAL_ADDRESS 使用已有的 Temporal")

// Find answers the path of the temporal command: bin of the checkout at root
// ("" skips it), then the PATH.
func Find(root string) (string, error) {
	if root != "" {
		path := filepath.Join(root, "bin", "temporal")
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	path, err := exec.LookPath("temporal")
	if err != nil {
		return "", ErrNotFound
	}
	return filepath.Abs(path)
}

// Server says how a development server is to run. It always listens on
// loopback.
type Server struct {
	Port int
	// UIPort is the port of the Web UI; 0 runs the server without it.
	UIPort int
	// File keeps the data; "" keeps them in memory.
	File string
	// Bare leaves the project's search attributes to the worker.
	Bare bool
}

// SearchAttributes are the project's own, with their types.
var SearchAttributes = []struct{ Name, Type string }{
	{"SyncType", "Keyword"},
	{"SyncTrigger", "Keyword"},
	{"SyncStatus", "Keyword"},
	{"SyncRecordId", "Int"},
}

// Without these the development server reads a queue twenty times a second and
// fires timers up to a second late.
var dynamicConfig = []string{
	"history.transferProcessorMaxPollRPS=5000",
	"history.timerProcessorMaxPollRPS=5000",
	`history.timerProcessorMaxTimeShift="20ms"`,
	// A timer that the server forgot to look at, seen once on a busy machine, is
	// found again after this time instead of 5 minutes.
	`history.timerProcessorMaxPollInterval="5s"`,
	"matching.numTaskqueueReadPartitions=1",
	"matching.numTaskqueueWritePartitions=1",
	"frontend.enableServerVersionCheck=false",
}

// Args are the arguments of the temporal command.
func (s Server) Args() []string {
	args := []string{
		"server", "start-dev", "--ip", "127.0.0.1", "--port", strconv.Itoa(s.Port),
		"--namespace", Namespace, "--log-format", "json", "--log-level", "warn",
	}
	if s.UIPort == 0 {
		args = append(args, "--headless")
	} else {
		args = append(args, "--ui-ip", "127.0.0.1", "--ui-port", strconv.Itoa(s.UIPort))
	}
	if s.File != "" {
		args = append(args, "--db-filename", s.File)
	}
	for _, pragma := range []string{"journal_mode=WAL", "synchronous=NORMAL"} {
		args = append(args, "--sqlite-pragma", pragma)
	}
	for _, value := range dynamicConfig {
		args = append(args, "--dynamic-config-value", value)
	}
	if s.Bare {
		return args
	}
	for _, a := range SearchAttributes {
		args = append(args, "--search-attribute", a.Name+"="+a.Type)
	}
	return args
}
