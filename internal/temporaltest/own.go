package temporaltest

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"tasksync/internal/dev/checkout"
	"tasksync/internal/dev/temporal"
	"tasksync/internal/dev/tether"
)

// ownServer is what a server of a test's own has beside the address.
type ownServer struct {
	t       testing.TB
	server  temporal.Server
	dir     string
	process *tether.Process
}

// Own starts a server of the test's own, whose data persist in a file, so that
// the test may kill it and start it again on the same port. It has the default
// namespace only, and no search attributes of the project's: the worker is to
// register them. It is gone when the test ends.
func Own(t testing.TB) *Server {
	t.Helper()
	root, err := checkout.Root()
	if err != nil {
		t.Fatalf("temporaltest: %v", err)
	}
	bin, err := temporal.Find(root)
	if err != nil {
		t.Fatalf("temporaltest: %v", err)
	}
	port, err := tether.FreePort()
	if err != nil {
		t.Fatalf("temporaltest: %v", err)
	}
	dir := t.TempDir()
	s := &Server{Address: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), Bin: bin, own: &ownServer{
		t: t, dir: dir, server: temporal.Server{Port: port, File: filepath.Join(dir, "temporal.db"), Bare: true},
	}}
	t.Cleanup(func() {
		s.Kill9()
		if s.admin != nil {
			s.admin.Close()
		}
	})
	s.Restart()
	return s
}

// Restart starts a server of the test's own after Kill9, with its data.
func (s *Server) Restart() {
	s.own.t.Helper()
	output, err := os.MkdirTemp(s.own.dir, "run-")
	if err == nil {
		s.own.process, err = s.serve(s.own.server, output)
	}
	if err != nil {
		s.own.t.Fatalf("temporaltest: %v", err)
	}
}

// Kill9 kills a server of the test's own with SIGKILL and waits for its end.
// It may be called again.
func (s *Server) Kill9() {
	if s.own.process != nil {
		s.own.process.Stop()
		s.own.process = nil
	}
}

// Lose removes the data of a killed server: the next Restart begins with an
// empty one.
func (s *Server) Lose() {
	s.own.t.Helper()
	files, err := filepath.Glob(s.own.server.File + "*")
	if err != nil {
		s.own.t.Fatalf("temporaltest: %v", err)
	}
	for _, file := range files {
		if err := os.Remove(file); err != nil {
			s.own.t.Fatalf("temporaltest: %v", err)
		}
	}
}
