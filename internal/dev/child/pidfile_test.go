package child_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tasksync/internal/dev/child"
)

// spec is a child that runs the script.
func spec(t *testing.T, script string) child.Spec {
	t.Helper()
	dir := t.TempDir()
	return child.Spec{
		Name: "sleeper", Path: "/bin/sh", Args: []string{"-c", script}, Env: os.Environ(), Dir: dir,
		Log: filepath.Join(dir, "log"), PIDFile: filepath.Join(dir, "pid"), StopTimeout: 200 * time.Millisecond,
	}
}

// orphan runs the script and gives it the pid file of a crashed start.
func orphan(t *testing.T, script string) child.Spec {
	t.Helper()
	s := spec(t, script)
	supervisor := child.NewSupervisor(child.Policy{}, func(string) {})
	require.NoError(t, supervisor.Start(t.Context(), s, 0, nil))
	text, err := os.ReadFile(s.PIDFile)
	require.NoError(t, err)
	t.Cleanup(func() { supervisor.Kill(); supervisor.Stop(); supervisor.Close() })
	saved := filepath.Join(t.TempDir(), "pid")
	require.NoError(t, os.WriteFile(saved, text, 0o600))
	s.PIDFile = saved
	return s
}

func pid(t *testing.T, s child.Spec) int {
	t.Helper()
	var f struct{ PID int }
	text, err := os.ReadFile(s.PIDFile)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &f))
	return f.PID
}

func TestEndOrphanEndsWhatACrashLeft(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"obedient": "exec sleep 600",
		"stubborn": "trap '' TERM; while :; do sleep 600; done",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := orphan(t, script)
			ended, err := child.EndOrphan(s)
			require.NoError(t, err)
			require.True(t, ended)
			require.NoFileExists(t, s.PIDFile)
		})
	}
}

func TestEndOrphanSparesAPidThatWentToAnother(t *testing.T) {
	t.Parallel()
	s := orphan(t, "exec sleep 600")
	id := pid(t, s)
	text, err := json.Marshal(map[string]any{"pid": id, "identity": "of an earlier process"})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(s.PIDFile, text, 0o600))
	ended, err := child.EndOrphan(s)
	require.NoError(t, err)
	require.False(t, ended)
	require.NoError(t, syscall.Kill(id, 0), "it still runs")
	require.NoFileExists(t, s.PIDFile)
}

func TestEndOrphanWithoutAUsablePidFile(t *testing.T) {
	t.Parallel()
	s := spec(t, "")
	ended, err := child.EndOrphan(s)
	require.NoError(t, err)
	require.False(t, ended)
	for _, text := range []string{"", "{}", `{"pid":1,"identity":"x"}`, `{"pid":-1,"identity":""}`} {
		require.NoError(t, os.WriteFile(s.PIDFile, []byte(text), 0o600))
		ended, err = child.EndOrphan(s)
		require.NoError(t, err)
		require.False(t, ended)
	}
}
