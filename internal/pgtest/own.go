package pgtest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tasksync/internal/dev/postgres"
	"tasksync/internal/dev/tether"
)

// Server is a PostgreSQL server of a test's own, which the test may kill and
// start again on the same port with the same data. It is gone when the test
// ends.
type Server struct {
	t         testing.TB
	server    postgres.Server
	dir       string
	process   *tether.Process
	databases server
}

// Own starts a server of the test's own. It commits as in production, so that
// what a client was told is there after a kill; settings are further
// parameters.
func Own(t testing.TB, settings map[string]string) *Server {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), launchTimeout)
	defer cancel()
	all := map[string]string{"max_connections": "100", "fsync": "off"}
	for name, value := range settings {
		all[name] = value
	}
	s := &Server{t: t}
	var err error
	if s.server, s.dir, err = initialize(ctx, all); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() {
		s.Kill9()
		os.RemoveAll(s.dir)
	})
	if s.server.Port, err = tether.FreePort(); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	s.Start()
	s.databases.adminURL = s.server.URL("postgres")
	s.databases.once.Do(func() {})
	return s
}

// On puts the database on a server of the test's own. It is not dropped: it
// goes with its server.
func On(s *Server) Option {
	return func(o *options) { o.own = s }
}

// AdminURL is the address of the server's database postgres.
func (s *Server) AdminURL() string { return s.server.URL("postgres") }

// Dir is a folder of the server's account, beside its data.
func (s *Server) Dir() string { return s.dir }

// Account is the account that the server runs as.
func (s *Server) Account() postgres.Account { return s.server.Account }

// Start starts the server after Kill9 and waits until it answers: what was
// committed is there again.
func (s *Server) Start() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), launchTimeout)
	defer cancel()
	for {
		// The output lies in a folder that goes with the process; the data stay.
		output, err := os.MkdirTemp(s.dir, "run-")
		if err == nil {
			err = s.server.Account.Own(output)
		}
		if err == nil {
			s.process, err = run(ctx, s.server, output)
		}
		switch {
		case err == nil:
			return
		case ctx.Err() != nil || !strings.Contains(err.Error(), "ended at once"):
			s.t.Fatalf("pgtest: %v", err)
		}
		// The memory of killed processes may be in use for a moment.
		time.Sleep(100 * time.Millisecond)
	}
}

// Kill9 kills all processes of the server with SIGKILL and waits for their
// end. It may be called again.
func (s *Server) Kill9() {
	if s.process == nil {
		return
	}
	postmaster := s.pid()
	children := childrenOf(postmaster)
	if postmaster > 0 {
		_ = syscall.Kill(postmaster, syscall.SIGKILL)
	}
	for _, child := range children {
		_ = syscall.Kill(child, syscall.SIGKILL)
	}
	s.process.Stop()
	s.process = nil
}

func (s *Server) pid() int {
	text, err := os.ReadFile(filepath.Join(s.server.Data, "postmaster.pid"))
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		return 0
	}
	return pid
}

// childrenOf are the processes that a process has started, where the system
// has /proc; elsewhere the children of a killed postmaster end by themselves.
func childrenOf(parent int) (pids []int) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || parent == 0 {
		return nil
	}
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		// pid (name) state ppid …; the name may hold anything.
		_, rest, _ := strings.Cut(string(text[max(0, bytes.LastIndexByte(text, ')')):]), " ")
		fields := strings.Fields(rest)
		if len(fields) > 1 && fields[1] == fmt.Sprint(parent) {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			if err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}
