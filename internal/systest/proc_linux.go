package systest

import (
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

var starts = sync.OnceValue(func() chan func() {
	todo := make(chan func())
	go func() {
		// A child gets its signal when the thread that started it ends. This
		// one lasts as long as the process.
		runtime.LockOSThread()
		for start := range todo {
			start()
		}
	}()
	return todo
})

// startTied starts cmd so that the kernel kills it when this process ends.
func startTied(cmd *exec.Cmd) error {
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	result := make(chan error, 1)
	starts() <- func() { result <- cmd.Start() }
	return <-result
}
