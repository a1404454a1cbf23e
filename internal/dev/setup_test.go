package dev_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"tasksync/internal/config"
	"tasksync/internal/dev"
	"tasksync/internal/pgtest"
	"tasksync/internal/temporaltest"
)

// bench is one data folder with ports of its own.
type bench struct {
	t       *testing.T
	environ map[string]string
	out     *buffer
	opts    dev.Options
}

// outside is a bench whose PostgreSQL and Temporal run already.
func outside(t *testing.T) *bench {
	b := own(t)
	b.environ["DATABASE_URL"] = pgtest.New(t)
	b.environ["TEMPORAL_ADDRESS"] = temporaltest.Start(t).Address
	return b
}

// own is a bench that starts everything.
func own(t *testing.T) *bench {
	t.Helper()
	ports := freePorts(t, 5)
	// An unprivileged account must reach it, unlike t.TempDir.
	home, err := os.MkdirTemp("/tmp", "tasksync-dev-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(home, 0o755))
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	return &bench{t: t, out: &buffer{}, opts: dev.Options{Home: home}, environ: map[string]string{
		fakeVariable:                "1",
		homeVariable:                home,
		"TASKSYNC_DATA_DIR":         t.TempDir(),
		"TASKSYNC_HTTP_ADDR":        "127.0.0.1:" + strconv.Itoa(ports[0]),
		"TASKSYNC_SIM_ADDR":         "127.0.0.1:" + strconv.Itoa(ports[1]),
		"TASKSYNC_PG_PORT":          strconv.Itoa(ports[2]),
		"TASKSYNC_TEMPORAL_PORT":    strconv.Itoa(ports[3]),
		"TASKSYNC_TEMPORAL_UI_PORT": strconv.Itoa(ports[4]),
	}}
}

func (b *bench) options() dev.Options {
	b.t.Helper()
	cfg, err := config.Parse(b.environ)
	require.NoError(b.t, err)
	o := b.opts
	o.Config, o.Executable, o.Out, o.Policy = cfg, os.Args[0], b.out, quick
	for name, value := range b.environ {
		o.Environ = append(o.Environ, name+"="+value)
	}
	o.Environ = append(o.Environ, "PATH="+environ["PATH"], "HOME="+environ["HOME"])
	return o
}

// running is a supervisor in this process.
type running struct {
	cancel context.CancelFunc
	done   chan struct{}
	err    error
}

// wait waits for the supervisor's own end.
func (r *running) wait() error {
	<-r.done
	return r.err
}

// end asks for the end and waits for it.
func (r *running) end() error {
	r.cancel()
	return r.wait()
}

func (b *bench) start() *running {
	b.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{cancel: cancel, done: make(chan struct{})}
	options := b.options()
	go func() {
		r.err = dev.Run(ctx, options)
		close(r.done)
	}()
	b.t.Cleanup(func() { _ = r.end() })
	return r
}

// ready starts and waits for the banner, the worker and the first syncs.
func (b *bench) ready() *running {
	b.t.Helper()
	before, workers := len(b.out.String()), b.count("started", "worker")
	r := b.start()
	await(b.t, "ready", func() bool {
		select {
		case <-r.done:
			b.t.Fatalf("ended early: %v\n%s", r.err, b.out)
		default:
		}
		// The fake API does not wait for the worker.
		return strings.Contains(b.out.String()[before:], "已就绪") && b.count("started", "worker") > workers && strings.Contains(b.file("first_run"), `"synced":true`)
	})
	return r
}

func (b *bench) path(name string) string { return filepath.Join(b.environ["TASKSYNC_DATA_DIR"], name) }

func (b *bench) file(name string) string {
	text, _ := os.ReadFile(b.path(name))
	return string(text)
}

func (b *bench) write(name, text string) {
	b.t.Helper()
	require.NoError(b.t, os.WriteFile(b.path(name), []byte(text), 0o600))
}

func (b *bench) lines(name string) []string { return strings.Fields(b.file(name)) }

func (b *bench) count(file, line string) int {
	n := 0
	for _, l := range b.lines(file) {
		if l == line {
			n++
		}
	}
	return n
}

// closed reports whether no port of the bench is open.
func (b *bench) closed() bool {
	for _, name := range []string{
		"TASKSYNC_HTTP_ADDR", "TASKSYNC_SIM_ADDR", "TASKSYNC_PG_PORT", "TASKSYNC_TEMPORAL_PORT", "TASKSYNC_TEMPORAL_UI_PORT",
	} {
		addr := b.environ[name]
		if !strings.Contains(addr, ":") {
			addr = "127.0.0.1:" + addr
		}
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			return false
		}
	}
	return true
}

// nextPort begins below the ports that the system gives to outgoing
// connections, so that none of those takes one before a child opens it.
var nextPort = func() *atomic.Int32 {
	var port atomic.Int32
	port.Store(20000 + rand.Int32N(11000))
	return &port
}()

// freePorts answers ports that no other test of this process is given.
func freePorts(t *testing.T, n int) []int {
	t.Helper()
	var ports []int
	for len(ports) < n {
		port := int(nextPort.Add(1))
		require.Less(t, port, 32768, "no port left")
		if l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port)); err == nil {
			require.NoError(t, l.Close())
			ports = append(ports, port)
		}
	}
	return ports
}

// buffer is a terminal that may be read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
