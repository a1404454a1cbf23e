package check_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tasksync/guanke"
	"tasksync/guanke/check"
	"tasksync/guanke/mapping"
	"tasksync/guanke/recording"
	"tasksync/task"
)

// read reads all tasks of w.
func read(t *testing.T, cfg guanke.Config, w task.Window) []task.Task {
	t.Helper()
	c, err := guanke.New(cfg)
	require.NoError(t, err)
	defer c.Close()
	var all []task.Task
	for p, err := range c.Pages(t.Context(), w, "") {
		require.NoError(t, err)
		all = append(all, p.Tasks...)
	}
	return all
}

// A colleague who has only the recording sees the same tasks and gets the same
// report.
func TestRecordedSourcesAreLikeTheirOriginals(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"rest", "cursor", "post"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := example(t, name, nil)
			cfg.PageSize = 40
			dir := filepath.Join(t.TempDir(), "r")
			out, err := check.Record(t.Context(), check.RecordConfig{
				Config: check.Config{Source: cfg, Window: window}, Dir: dir, Pages: 50, MappingText: readExample(t, name),
			})
			require.NoError(t, err)
			require.NoError(t, out.Ended)
			require.Equal(t, []int{4, 130, 130}, []int{out.Pages, out.Tasks, out.Entries})
			require.False(t, out.More)
			files, err := filepath.Glob(filepath.Join(dir, "*.http"))
			require.NoError(t, err)
			require.Len(t, files, out.Answers)
			for _, f := range files {
				text, err := os.ReadFile(f)
				require.NoError(t, err)
				for _, hidden := range []string{secret, password, token, strings.TrimPrefix(cfg.BaseURL, "http://")} {
					require.NotContains(t, string(text), hidden, f)
				}
			}

			replay, err := recording.Open(dir)
			require.NoError(t, err)
			require.Equal(t, 40, replay.Info.PageSize)
			srv := httptest.NewServer(replay)
			defer srv.Close()
			again := guanke.Config{BaseURL: srv.URL, Secret: "any", Username: "any", Password: "any", PageSize: 40}
			again.Mapping, err = mapping.Load(filepath.Join(dir, replay.Info.Mapping))
			require.NoError(t, err)
			require.Equal(t, read(t, cfg, window), read(t, again, window))
			r, text := run(t, again, window)
			require.True(t, r.OK, text)
		})
	}
}

func TestSourceThatFailsIsRecordedAsItFails(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadGateway)
		_, _ = w.Write([]byte("<html>nginx</html>"))
	}))
	defer srv.Close()
	cfg := guanke.Config{BaseURL: srv.URL, Secret: secret}
	dir := filepath.Join(t.TempDir(), "r")
	out, err := check.Record(t.Context(), check.RecordConfig{Config: check.Config{Source: cfg, Window: window}, Dir: dir, Pages: 1})
	require.NoError(t, err)
	require.Equal(t, task.CodeSourceUnavailable, task.CodeOf(out.Ended))
	require.Positive(t, out.Answers)

	cfg.BaseURL = "http://127.0.0.1:1"
	_, err = check.Record(t.Context(), check.RecordConfig{Config: check.Config{Source: cfg, Window: window}, Dir: dir + "2", Pages: 1})
	require.Equal(t, task.CodeSourceUnavailable, task.CodeOf(err))
	require.Contains(t, task.MessageOf(err), "没有任何答复")
}

func TestPagesAreBounded(t *testing.T) {
	t.Parallel()
	cfg := example(t, "rest", nil)
	cfg.PageSize = 40
	out, err := check.Record(t.Context(), check.RecordConfig{
		Config: check.Config{Source: cfg, Window: window}, Dir: filepath.Join(t.TempDir(), "r"), Pages: 2,
	})
	require.NoError(t, err)
	require.Equal(t, 2, out.Pages)
	require.True(t, out.More)
}

// What the mapping itself has of secrets is taken out; where the credentials go
// stays readable.
func TestLiteralSecretsOfTheMappingAreNotRecorded(t *testing.T) {
	t.Parallel()
	cfg := example(t, "post", nil)
	text := strings.Replace(readExample(t, "post"), "    filter: {kind: call}", "    filter: {kind: call}\n    appSecret: l1teral-secret", 1)
	var err error
	cfg.Mapping, err = mapping.Parse("m.yaml", []byte(text))
	require.NoError(t, err)
	dir := filepath.Join(t.TempDir(), "r")
	_, err = check.Record(t.Context(), check.RecordConfig{Config: check.Config{Source: cfg, Window: window}, Dir: dir, Pages: 2, MappingText: text})
	require.NoError(t, err)
	kept, err := os.ReadFile(filepath.Join(dir, "mapping.yaml"))
	require.NoError(t, err)
	require.Equal(t, strings.Replace(text, "l1teral-secret", recording.Removed, 1), string(kept))
}
