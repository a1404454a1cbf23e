package systest

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// Result is what a command answered.
type Result struct {
	ExitCode       int
	Stdout, Stderr string
}

// commandTimeout bounds a command that is to end by itself.
const commandTimeout = 2 * time.Minute

func run(ctx context.Context, dir, binary string, env []string, args ...string) Result {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Dir, cmd.Env = dir, env
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	err := startTied(cmd)
	if err == nil {
		err = cmd.Wait()
	}
	r := Result{Stdout: stdout.String(), Stderr: stderr.String()}
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		r.ExitCode = exit.ExitCode()
	case err != nil:
		r.ExitCode = -1
		r.Stderr += err.Error()
	}
	return r
}

// Command runs `tasksync args…` without a system, with only the settings
// given, each NAME=value, and waits for its end.
func Command(t testing.TB, settings []string, args ...string) Result {
	t.Helper()
	binary, dir := Binary(t), t.TempDir()
	return run(t.Context(), dir, binary, environ(append([]string{"TASKSYNC_DATA_DIR=" + dir}, settings...)...), args...)
}

// Run runs `tasksync args…` with the system's settings and waits for its end.
func (s *System) Run(args ...string) Result {
	s.t.Helper()
	return run(s.ctx, s.dir, Binary(s.t), s.Environ(CLI), args...)
}

// MustRun is the standard output of `tasksync args…`, which must succeed.
func (s *System) MustRun(args ...string) string {
	s.t.Helper()
	r := s.Run(args...)
	if r.ExitCode != 0 {
		s.t.Fatalf("tasksync %v: exit code %d\n%s%s", args, r.ExitCode, r.Stdout, r.Stderr)
	}
	return r.Stdout
}

// TemporalCLI is the standard output of the temporal command, in the system's
// namespace, which must succeed.
func (s *System) TemporalCLI(args ...string) string {
	s.t.Helper()
	args = append(args, "--address", s.Server.Address, "--namespace", s.Namespace)
	r := run(s.ctx, s.dir, s.Server.Bin, environ("HOME="+s.dir), args...)
	if r.ExitCode != 0 {
		s.t.Fatalf("temporal %v: exit code %d\n%s%s", args, r.ExitCode, r.Stdout, r.Stderr)
	}
	return r.Stdout
}
