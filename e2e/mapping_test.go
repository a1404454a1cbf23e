package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tasksync/internal/dev/checkout"
	"tasksync/internal/systest"
	"tasksync/task"
)

// rpc is a third party's source as docs/mappings/post.yaml describes it, with n
// tasks spread over the three days before today.
func rpc(t *testing.T, key string, n int) string {
	t.Helper()
	window := task.WindowAt(task.Historical, time.Now(), systest.Zone)
	apart := window.To.Sub(window.From) / time.Duration(n)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Filter        struct{ Kind, BeginTime, EndTime string }
			Offset, Limit int
		}
		w.Header().Set("Content-Type", "application/json")
		if r.Header.Get("X-Api-Key") != key || r.URL.Path != "/rpc/queryTask" || json.NewDecoder(r.Body).Decode(&in) != nil || in.Filter.Kind != "call" {
			fmt.Fprintf(w, `{"success":false,"errCode":"NO_PERMISSION","errMsg":"key %s"}`, r.Header.Get("X-Api-Key"))
			return
		}
		rows := []map[string]any{}
		for i := range n {
			at := window.From.Add(time.Duration(i) * apart).Format(time.DateTime)
			if at >= in.Filter.BeginTime && at <= in.Filter.EndTime {
				rows = append(rows, map[string]any{
					"taskNo": fmt.Sprintf("T-%04d", i), "taskTitle": fmt.Sprintf("任务 %d", i), "taskState": "进行中",
					"numberCount": "8", "callCount": 5, "gmtCreate": at, "owner": map[string]any{"name": "张三"},
				})
			}
		}
		from := min(in.Offset, len(rows))
		page := rows[from:min(from+min(in.Limit, 500), len(rows))]
		_ = json.NewEncoder(w).Encode(map[string]any{"success": true, "errCode": "0", "result": map[string]any{
			"rows": page, "hasNext": from+len(page) < len(rows),
		}})
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// A source of another kind is synced by real processes with nothing but a
// mapping of the documents.
func TestThirdPartySourceIsSyncedByItsMapping(t *testing.T) {
	t.Parallel()
	const key, total = "third-party-key-81", 1200
	root, err := checkout.Root()
	require.NoError(t, err)
	address := rpc(t, key, total)
	settings := []string{
		"GUANKE_BASE_URL=" + address, "GUANKE_API_SECRET=" + key,
		"TASKSYNC_SOURCE_MAPPING=" + filepath.Join(root, "docs/mappings/post.yaml"),
	}
	checked := systest.Command(t, settings, "source", "check")
	require.Zero(t, checked.ExitCode, checked.Stdout+checked.Stderr)

	s := systest.Start(t, systest.WithEnv(systest.Worker, settings...))
	first := s.Record(int64(s.Manual(task.Historical).Int("record_id")))
	require.Equal(t, []int{total, total, 0}, []int{first.Counts.Total, first.Counts.New, first.Counts.Rejected}, "%+v %s", first.Counts, first.ErrorMessage)
	requireSums(t, first)
	require.Equal(t, total, systest.Value[int](s, `SELECT count(*) FROM tasks
		WHERE name = '任务 ' || ltrim(substr(id, 3, 3), '0') || substr(id, 6) AND state = '进行中' AND total = 8 AND called = 5
		  AND attributes = '{"owner": {"name": "张三"}}' AND source_created_at >= $1 AND source_created_at < $2`, first.Window.From, first.Window.To))
	second := s.Record(int64(s.Manual(task.Historical).Int("record_id")))
	require.Equal(t, total, second.Counts.Unchanged)

	s.StopWorker()
	s.StartWorker(append(settings, "GUANKE_API_SECRET=another-key-17")...)
	s.WaitReady()
	a := s.Manual(task.Historical)
	require.Equal(t, http.StatusBadGateway, a.Status, a.Text)
	require.Equal(t, "source_auth", a.Str("error_type"))
	for _, text := range []string{a.Text, s.Logs(), s.Get("/api/sync/records").Text} {
		require.NotContains(t, text, "another-key-17", "the source repeats the key that it refuses")
	}
}
