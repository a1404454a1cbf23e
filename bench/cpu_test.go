package bench_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// usage is processor time by part of the system: postgres, temporal, worker,
// api, simulate, and bench for this process. Unlike elapsed time it hardly
// depends on what else the machine does.
type usage map[string]time.Duration

func (u usage) since(before usage) usage {
	out := usage{}
	for part, d := range u {
		out[part] = d - before[part]
	}
	return out
}

// microseconds is what one of n tasks cost in a part.
func (u usage) microseconds(part string, n int) float64 {
	return float64(u[part].Microseconds()) / float64(n)
}

// used reads Linux's /proc: this process and all that descend from it.
func used(b *testing.B) usage {
	b.Helper()
	type process struct {
		parent int
		ticks  int64
		part   string
	}
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(b, err)
	require.NotEmpty(b, paths, "processor time is read from Linux's /proc")
	processes := map[int]process{}
	for _, path := range paths {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // It has ended.
		}
		// The name in parentheses may hold spaces.
		_, rest, _ := strings.Cut(string(stat), ") ")
		f := strings.Fields(rest)
		if len(f) < 15 {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		p := process{part: part(pid)}
		p.parent, _ = strconv.Atoi(f[1])
		for _, field := range f[11:15] { // utime, stime, and those of ended children
			ticks, _ := strconv.ParseInt(field, 10, 64)
			p.ticks += ticks
		}
		processes[pid] = p
	}
	const tick = 10 * time.Millisecond
	out := usage{}
	for pid, p := range processes {
		for at := pid; ; at = processes[at].parent {
			if at == os.Getpid() {
				out[p.part] += time.Duration(p.ticks) * tick
			}
			if _, known := processes[at]; !known || at == os.Getpid() {
				break
			}
		}
	}
	return out
}

func part(pid int) string {
	if pid == os.Getpid() {
		return "bench"
	}
	line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	args := strings.Split(strings.TrimRight(string(line), "\x00"), "\x00")
	name := filepath.Base(args[0])
	switch {
	case strings.HasPrefix(name, "postgres"):
		return "postgres"
	case name == "tasksync" && len(args) > 1:
		return args[1]
	}
	return name
}
