package dev

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tasksync/internal/dev/child"
)

// names are the children in the order of their start.
var names = []string{"postgres", "temporal", "simulate", "migrate", "worker", "api"}

// spec is what all children have in common.
func (r *run) spec(name string) child.Spec {
	return child.Spec{
		Name:    name,
		Dir:     r.Config.DataDir,
		Log:     r.logFile(name),
		PIDFile: filepath.Join(r.Config.DataDir, "run", name+".pid"),
		Show:    child.Warning,
	}
}

func (r *run) logFile(name string) string {
	return filepath.Join(r.Config.DataDir, "logs", name+".log")
}

// command is a subcommand of tasksync as a child.
func (r *run) command(name string) child.Spec {
	s := r.spec(name)
	s.Path, s.Args, s.Env = r.Executable, []string{name}, r.environ()
	return s
}

// environ is the children's environment: what this process was given, with
// the addresses of what it started in place of any other.
func (r *run) environ() []string {
	env := slices.DeleteFunc(slices.Clone(r.Environ), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		_, ours := r.env[name]
		return ours || (!r.Config.TemporalExternal() && strings.HasPrefix(name, "TEMPORAL_")) ||
			(r.services.Simulated && strings.HasPrefix(name, "GUANKE_"))
	})
	for name, value := range r.env {
		env = append(env, name+"="+value)
	}
	return env
}

func environMap(environ []string) map[string]string {
	m := map[string]string{}
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		m[name] = value
	}
	return m
}

// endOrphans ends what a crashed start left, the last one started first.
func (r *run) endOrphans(context.Context) error {
	for _, name := range slices.Backward(names) {
		s := r.spec(name)
		if name == "postgres" {
			s.Stop = postgresStop
		}
		if _, err := os.Stat(s.PIDFile); err == nil {
			r.crashed = true
		}
		ended, err := child.EndOrphan(s)
		if err != nil {
			return err
		}
		if ended {
			r.term.say("已结束上次异常退出后留下的 " + name)
		}
	}
	return nil
}

// answers waits for HTTP 200.
func answers(url string) func(context.Context) error {
	client := &http.Client{Timeout: 5 * time.Second}
	return func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		res, err := client.Do(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("%s 返回 %s", url, res.Status)
		}
		return nil
	}
}

// urlOf is how a client on this machine reaches a listening address.
func urlOf(addr string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", err
	}
	if port == "0" {
		return "", errors.New("tasksync dev 需要固定的端口，不能用 0：请检查 TASKSYNC_HTTP_ADDR 和 TASKSYNC_SIM_ADDR")
	}
	if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port), nil
}
