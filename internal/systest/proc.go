package systest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	startWait = time.Minute
	stopWait  = 30 * time.Second
	pollEvery = 20 * time.Millisecond
	// tailLines is how much of a log a failed test shows.
	tailLines = 40
)

// Proc is a process of tasksync in a process group of its own.
type Proc struct {
	// Name is the role with a number, such as "worker-1".
	Name string

	t    testing.TB
	cmd  *exec.Cmd
	path string
	done chan struct{}
}

// launch starts a process whose output goes to a file of its own.
func launch(t testing.TB, dir, name, binary string, env []string, args ...string) *Proc {
	t.Helper()
	p := &Proc{Name: name, t: t, path: filepath.Join(dir, name+".log"), done: make(chan struct{})}
	log, err := os.Create(p.path)
	if err != nil {
		t.Fatalf("systest: %v", err)
	}
	defer log.Close()
	p.cmd = exec.Command(binary, args...)
	p.cmd.Dir, p.cmd.Env = dir, env
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := startTied(p.cmd); err != nil {
		t.Fatalf("systest: start %s: %v", name, err)
	}
	go func() {
		// How it ended is in ProcessState.
		_ = p.cmd.Wait()
		close(p.done)
	}()
	return p
}

// PID is the process's id.
func (p *Proc) PID() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Proc) Done() <-chan struct{} { return p.done }

// ExitCode waits for the process to end and answers its exit code, -1 if a
// signal ended it. It fails the test if the process goes on for 30 seconds.
func (p *Proc) ExitCode() int {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(stopWait):
		p.t.Fatalf("systest: %s still runs", p.Name)
	}
	return p.cmd.ProcessState.ExitCode()
}

// Log is what the process has written so far, standard output and error.
func (p *Proc) Log() string {
	text, err := os.ReadFile(p.path)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Kill9 kills the process and what it started with SIGKILL and waits for its
// end. It may be called again.
func (p *Proc) Kill9() {
	p.signal(syscall.SIGKILL)
	<-p.done
}

// Stop asks the process to end, as Ctrl-C does, waits for it and answers its
// exit code. One that has not ended within 30 seconds fails the test.
func (p *Proc) Stop() int {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	return p.ExitCode()
}

func (p *Proc) signal(s syscall.Signal) {
	select {
	case <-p.done:
	default:
		// It may end in between; then there is nobody to tell.
		_ = syscall.Kill(-p.PID(), s)
	}
}

var listening = regexp.MustCompile(`is listening"? addr=(\S+)`)

// address waits until the process says where it listens.
func (p *Proc) address() string {
	p.t.Helper()
	var found []string
	p.until("says where it listens", func() bool {
		found = listening.FindStringSubmatch(p.Log())
		return found != nil
	})
	return found[1]
}

// until waits for a condition, and fails the test at once if the process ends.
func (p *Proc) until(what string, ok func() bool) {
	p.t.Helper()
	deadline := time.Now().Add(startWait)
	for !ok() {
		select {
		case <-p.done:
			p.t.Fatalf("systest: %s ended before it %s: %s", p.Name, what, p.tail())
		case <-time.After(pollEvery):
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("systest: %s has not come to where it %s", p.Name, what)
		}
	}
}

func (p *Proc) tail() string {
	lines := strings.Split(strings.TrimSpace(p.Log()), "\n")
	if more := len(lines) - tailLines; more > 0 {
		lines = append([]string{fmt.Sprintf("… %d lines", more)}, lines[more:]...)
	}
	return strings.Join(lines, "\n")
}
