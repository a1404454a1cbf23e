package config

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
)

// DatabaseFile is where a running `tasksync dev` leaves the address of its
// database, with mode 0600, for the commands beside it.
func (c Config) DatabaseFile() string { return filepath.Join(c.DataDir, "database_url") }

// Database is the address of the database: DATABASE_URL, else what a running
// `tasksync dev` left in DatabaseFile. Without either the error says what to
// set.
func (c Config) Database() (string, error) {
	if c.DatabaseURL != "" {
		return c.DatabaseURL.Reveal(), nil
	}
	text, err := os.ReadFile(c.DatabaseFile())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("没有设置数据库：请设置 DATABASE_URL=postgres://用户:密码@主机:5432/库名，"+
			"或先在另一个终端运行 make run（它会写入 %s）", c.DatabaseFile())
	case err != nil:
		return "", fmt.Errorf("读取数据库地址：%w（也可以直接设置 DATABASE_URL）", err)
	}
	url := strings.TrimSpace(string(text))
	if !isDatabaseURL(url) {
		return "", fmt.Errorf("%s 的内容不是数据库地址：请重新运行 make run，或设置 DATABASE_URL", c.DatabaseFile())
	}
	return url, nil
}

// renamedTemporal pairs names of older Temporal tools, which are ignored
// silently, with those that count.
var renamedTemporal = [][2]string{
	{"TEMPORAL_CLI_ADDRESS", "TEMPORAL_ADDRESS"},
	{"TEMPORAL_CLI_NAMESPACE", "TEMPORAL_NAMESPACE"},
	{"TEMPORAL_HOST_PORT", "TEMPORAL_ADDRESS"},
	{"TEMPORAL_TLS_CERT", "TEMPORAL_TLS_CLIENT_CERT_PATH"},
	{"TEMPORAL_TLS_KEY", "TEMPORAL_TLS_CLIENT_KEY_PATH"},
	{"TEMPORAL_TLS_CA", "TEMPORAL_TLS_SERVER_CA_CERT_PATH"},
}

// TemporalExternal reports whether the environment names a Temporal server, so
// that `dev` runs none: by TEMPORAL_ADDRESS, or by a file or profile that was
// chosen explicitly.
func (c Config) TemporalExternal() bool {
	return c.temporal["TEMPORAL_ADDRESS"] != "" || c.temporalFile()
}

// A temporal.toml in the home folder, made for some other project, does not
// count: only one that the environment asks for.
func (c Config) temporalFile() bool {
	return c.temporal["TEMPORAL_CONFIG_FILE"] != "" || c.temporal["TEMPORAL_PROFILE"] != ""
}

// TemporalOptions are Temporal's own settings, TEMPORAL_ADDRESS and so on.
// Without an address it is loopback at TemporalPort, without a namespace
// "default".
func (c Config) TemporalOptions() (client.Options, error) {
	options, err := envconfig.LoadClientOptions(envconfig.LoadClientOptionsRequest{
		DisableFile: !c.temporalFile(),
		EnvLookup:   lookup(c.temporal),
	})
	if err != nil {
		return client.Options{}, fmt.Errorf("设置 TEMPORAL_* 有误：%w", err)
	}
	if options.HostPort == "" {
		options.HostPort = net.JoinHostPort("127.0.0.1", strconv.Itoa(c.TemporalPort))
	}
	if options.Namespace == "" {
		options.Namespace = client.DefaultNamespace
	}
	return options, nil
}

// lookup gives envconfig the variables that Parse was given.
type lookup map[string]string

func (l lookup) Environ() []string {
	var all []string
	for name, value := range l {
		all = append(all, name+"="+value)
	}
	return all
}

func (l lookup) LookupEnv(name string) (string, bool) {
	value, ok := l[name]
	return value, ok
}
