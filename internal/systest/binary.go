package systest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"tasksync/internal/dev/checkout"
	"tasksync/internal/dev/tether"
)

var built = sync.OnceValues(build)

// Binary answers the path of the tasksync command, which the first call of the
// process builds.
func Binary(t testing.TB) string {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatalf("systest: %v", err)
	}
	return path
}

func build() (string, error) {
	root, err := checkout.Root()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "tasksync-systest-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "tasksync")
	cmd := exec.Command("go", "build", "-buildvcs=false", "-o", path, "./cmd/tasksync")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		os.RemoveAll(dir)
		return "", fmt.Errorf("go build ./cmd/tasksync: %w: %s", err, strings.TrimSpace(string(out)))
	}
	// The tether's process does nothing; when this process ends, however that
	// happens, the folder goes with it.
	_, err = tether.Start(tether.Spec{
		Path: "/bin/sh", Args: []string{"-c", "while :; do sleep 3600; done"}, Env: os.Environ(),
		Dir: dir, Signal: "KILL", Log: filepath.Join(dir, "tether.log"),
	})
	return path, err
}
