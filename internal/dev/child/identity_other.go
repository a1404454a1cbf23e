//go:build unix && !linux

package child

import (
	"os/exec"
	"strconv"
	"strings"
)

// identity tells a process from a later one with the same pid: start time and
// command. It is "" for a process that is gone or only waits to be reaped.
func identity(pid int) string {
	out, err := exec.Command("ps", "-o", "state=,lstart=,command=", "-p", strconv.Itoa(pid)).Output()
	state, rest, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	if err != nil || strings.HasPrefix(state, "Z") {
		return ""
	}
	return strings.TrimSpace(rest)
}
