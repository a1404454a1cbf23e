// Package tether runs a server that ends when the process that started it
// ends, however that happens: by return, by panic or by SIGKILL. Tests use it,
// so that they leave neither processes nor folders behind.
//
// A small shell stands between the two. It holds the reading end of a pipe
// whose writing end only the starter has; when the starter is gone, the pipe
// ends, and the shell ends the server and removes its folder.
package tether

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"syscall"
)

// Spec says what to run.
type Spec struct {
	// Path is the server's executable, Args its arguments.
	Path string
	Args []string
	// Env is the whole environment; nil means that of this process.
	Env []string
	// Dir is the server's working directory and is removed with everything in
	// it when the tether ends the server. It must belong to the account that
	// the server runs as.
	Dir string
	// Signal names the signal that ends the server: "INT", "QUIT" or "TERM".
	Signal string
	// Credential is the account to run as; nil means that of this process.
	Credential *syscall.Credential
	// Log is the file that the server's output goes to.
	Log string
}

// Process is a running server.
type Process struct {
	hold io.Closer
	done chan struct{}
	err  error
}

// $1 is the folder, $2 the signal, the rest the command. The watcher marks the
// end that it brings about, so that the folder of a server that dies by itself
// stays to be looked at.
const script = `dir=$1 signal=$2; shift 2
exec 3<&0
trap '' HUP INT TERM
"$@" </dev/null 3<&- &
server=$!
( exec >/dev/null 2>&1; read -r _ <&3; : >"$dir/.ending"; kill -"$signal" $server ) &
watcher=$!
exec 3<&-
wait $server
code=$?
if [ -e "$dir/.ending" ]; then cd /; rm -rf "$dir"; else kill $watcher; fi
exit $code
`

// Start runs the server and returns at once.
func Start(spec Spec) (*Process, error) {
	log, err := os.OpenFile(spec.Log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log of %s: %w", spec.Path, err)
	}
	defer log.Close()
	args := append([]string{"-c", script, "tether", spec.Dir, spec.Signal, spec.Path}, spec.Args...)
	cmd := exec.Command("/bin/sh", args...)
	cmd.Env = spec.Env
	cmd.Dir = spec.Dir
	cmd.Stdout, cmd.Stderr = log, log
	// A group of its own: an interrupt at the terminal reaches the starter
	// first, and the server outlives it just long enough.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: spec.Credential}
	hold, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", spec.Path, err)
	}
	p := &Process{hold: hold, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// Done is closed when the server has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err says how the server ended; it is valid once Done is closed.
func (p *Process) Err() error { return p.err }

// Stop ends the server, waits for it, and with it its folder is gone.
func (p *Process) Stop() {
	p.hold.Close()
	<-p.done
}

// FreePort is a port of loopback that is free now; somebody else may take it a
// moment later.
func FreePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
