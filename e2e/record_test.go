package e2e_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tasksync/internal/systest"
	"tasksync/task"
)

// A colleague who has only the recording syncs the same tasks from it.
func TestRecordedSourceIsSyncedLikeTheOriginal(t *testing.T) {
	t.Parallel()
	s := systest.Start(t)
	s.FreezeClock(time.Now())
	a := s.Manual(task.Historical)
	require.Equal(t, http.StatusOK, a.Status, a.Text)
	first := s.Record(int64(a.Int("record_id")))

	var report struct {
		OK    bool
		Steps []struct{ Name, Status string }
	}
	require.NoError(t, json.Unmarshal([]byte(s.MustRun("source", "check", "-o", "json")), &report))
	require.True(t, report.OK)
	require.Greater(t, len(report.Steps), 8)

	dir := filepath.Join(t.TempDir(), "recording")
	require.Contains(t, s.MustRun("source", "record", "--dir", dir), "84 条")
	again := s.Run("source", "record", "--dir", dir)
	require.Equal(t, 1, again.ExitCode, "an old recording is not mixed with a new one")
	require.Contains(t, again.Stderr, "不是空的")
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		require.NoError(t, err)
		require.NotContains(t, string(text), systest.Secret)
	}

	replay := s.Launch(systest.Simulator, []string{"simulate", "--replay", dir})
	settings := []string{"GUANKE_BASE_URL=" + replay.URL(), "GUANKE_API_SECRET=not-the-real-one"}
	check := systest.Command(t, settings, "source", "check")
	require.Zero(t, check.ExitCode, check.Stdout+check.Stderr)
	require.Contains(t, check.Stdout, "✓ 第二页")
	require.Contains(t, replay.Log(), "GUANKE_BASE_URL")
	other := systest.Command(t, settings, "source", "check", "--from", "2020-01-01", "--to", "2020-01-02")
	require.Equal(t, 1, other.ExitCode)
	require.Contains(t, other.Stdout, "录制里没有这个请求")

	s.StopWorker()
	s.StartWorker(settings...)
	s.WaitReady()
	b := s.Manual(task.Historical)
	require.Equal(t, http.StatusOK, b.Status, b.Text)
	second := s.Record(int64(b.Int("record_id")))
	require.Equal(t, first.Counts.Total, second.Counts.Unchanged, "%+v", second.Counts)
	require.Zero(t, second.Counts.New)
	requireTruth(t, s, second)
}

func TestSourceCommandsSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	broken := filepath.Join(t.TempDir(), "broken.yaml")
	require.NoError(t, os.WriteFile(broken, []byte("version: 1\nauth: {kind: none}\nlist: {path: tasks}\n"), 0o600))
	const base = "GUANKE_BASE_URL=http://127.0.0.1:1"
	for name, tc := range map[string]struct {
		settings, args []string
		says           []string
	}{
		"no address":   {nil, []string{"source", "check"}, []string{"GUANKE_BASE_URL"}},
		"bad mapping":  {[]string{base}, []string{"source", "check", "--mapping", broken}, []string{"broken.yaml", "list.path", "fields"}},
		"no mapping":   {[]string{base}, []string{"source", "check", "--mapping", "nope.yaml"}, []string{"nope.yaml"}},
		"bad time":     {[]string{base}, []string{"source", "check", "--from", "yesterday"}, []string{"--from", "2026-11-20"}},
		"empty window": {[]string{base}, []string{"source", "check", "--from", "2026-11-20", "--to", "2026-11-20"}, []string{"--from", "--to"}},
		"no folder":    {[]string{base}, []string{"source", "record"}, []string{"dir"}},
		"no answers":   {[]string{base, "GUANKE_API_SECRET=x"}, []string{"source", "record", "--dir", "r"}, []string{"拒绝连接"}},
		"no recording": {nil, []string{"simulate", "--replay", "nope"}, []string{"source record"}},
	} {
		r := systest.Command(t, tc.settings, tc.args...)
		require.Equal(t, 1, r.ExitCode, name)
		for _, want := range tc.says {
			require.Contains(t, r.Stdout+r.Stderr, want, name)
		}
	}
}
