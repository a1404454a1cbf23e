package bench_test

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"tasksync/internal/systest"
)

var (
	profileDir     = flag.String("profile", "", "folder for the worker's CPU profiles of BenchmarkRun; empty for none")
	profileSeconds = flag.Int("profile-seconds", 2, "how long a profile lasts")
)

// profile takes a CPU profile of the worker while work is done, if that was
// asked for.
func profile(b *testing.B, s *systest.System, name string, work func()) {
	b.Helper()
	if *profileDir == "" {
		work()
		return
	}
	taken := make(chan error, 1)
	go func() {
		res, err := http.Get(fmt.Sprintf("%s/debug/pprof/profile?seconds=%d", s.Worker().URL(), *profileSeconds))
		if err != nil {
			taken <- err
			return
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err == nil {
			err = os.WriteFile(filepath.Join(*profileDir, name+".pprof"), body, 0o644)
		}
		taken <- err
	}()
	work()
	require.NoError(b, <-taken)
}
