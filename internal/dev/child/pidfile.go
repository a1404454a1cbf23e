package child

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"
)

type pidFile struct {
	PID      int    `json:"pid"`
	Identity string `json:"identity"`
}

func writePIDFile(path string, pid int) error {
	text, err := json.Marshal(pidFile{PID: pid, Identity: identity(pid)})
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}

// EndOrphan ends the process that the pid file of an earlier start names, if
// it still runs, and reports whether it did. A pid that has gone to another
// process since is left alone.
func EndOrphan(spec Spec) (bool, error) {
	spec = spec.withDefaults()
	text, err := os.ReadFile(spec.PIDFile)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var f pidFile
	alive := func() bool { return f.Identity != "" && identity(f.PID) == f.Identity }
	if json.Unmarshal(text, &f) != nil || f.PID <= 1 || !alive() {
		return false, os.Remove(spec.PIDFile)
	}
	for _, try := range []struct {
		signal syscall.Signal
		wait   time.Duration
	}{{spec.Stop, spec.StopTimeout}, {syscall.SIGKILL, 5 * time.Second}} {
		if err := syscall.Kill(-f.PID, try.signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return false, fmt.Errorf("结束上次留下的 %s（进程 %d）失败：%w", spec.Name, f.PID, err)
		}
		for end := time.Now().Add(try.wait); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			if !alive() {
				return true, os.Remove(spec.PIDFile)
			}
		}
	}
	return false, fmt.Errorf("上次留下的 %s（进程 %d）无法结束", spec.Name, f.PID)
}
