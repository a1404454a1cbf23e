package child

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// process is one run of a child.
type process struct {
	spec    Spec
	cmd     *exec.Cmd
	started time.Time
	done    chan struct{}
	err     error
}

// start runs the child. spawn runs a function on the thread whose end would end
// the child, so that it lasts as long as this process.
func start(spec Spec, out *output, spawn func(func())) (*process, error) {
	for _, file := range []string{spec.Log, spec.PIDFile} {
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return nil, err
		}
	}
	cmd := exec.Command(spec.Path, spec.Args...)
	cmd.Env, cmd.Dir = spec.Env, spec.Dir
	cmd.Stdout, cmd.Stderr = out, out
	cmd.WaitDelay = 2 * time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: spec.Credential}
	dieWithParent(cmd.SysProcAttr, spec.Stop)
	var err error
	spawn(func() { err = cmd.Start() })
	if err != nil {
		return nil, fmt.Errorf("启动 %s 失败：%w", spec.Name, err)
	}
	p := &process{spec: spec, cmd: cmd, started: time.Now(), done: make(chan struct{})}
	if err := writePIDFile(spec.PIDFile, cmd.Process.Pid); err != nil {
		p.signal(syscall.SIGKILL)
		_ = cmd.Wait()
		return nil, err
	}
	go func() {
		p.err = cmd.Wait()
		os.Remove(spec.PIDFile)
		close(p.done)
	}()
	return p, nil
}

// signal reaches the whole process group.
func (p *process) signal(s syscall.Signal) {
	_ = syscall.Kill(-p.cmd.Process.Pid, s)
}

// end ends the child in good order, or at once when kill is closed.
func (p *process) end(kill <-chan struct{}) {
	select {
	case <-p.done:
		return
	default:
	}
	p.signal(p.spec.Stop)
	late := time.NewTimer(p.spec.StopTimeout)
	defer late.Stop()
	select {
	case <-p.done:
		return
	case <-kill:
		p.signal(p.spec.Kill)
	case <-late.C:
	}
	select {
	case <-p.done:
		return
	case <-time.After(3 * time.Second):
	}
	p.signal(syscall.SIGKILL)
	<-p.done
}

// how says how the child ended.
func (p *process) how() string {
	var exit *exec.ExitError
	if p.err == nil {
		return "退出码 0"
	}
	if errors.As(p.err, &exit) {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return "被信号 " + status.Signal().String() + " 结束"
		}
		return fmt.Sprintf("退出码 %d", exit.ExitCode())
	}
	return p.err.Error()
}
