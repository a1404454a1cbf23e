package e2e_test

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tasksync/internal/systest"
	"tasksync/task"
)

func TestManualRunAnswersWhatSQLCounts(t *testing.T) {
	t.Parallel()
	s := systest.Start(t)
	s.FreezeClock(time.Now())
	for _, syncType := range task.SyncTypes {
		first := s.Manual(syncType)
		require.Equal(t, http.StatusOK, first.Status, first.Text)
		requireGuideShape(t, first)
		rec := s.Record(int64(first.Int("record_id")))
		requireSums(t, rec)
		requireTruth(t, s, rec)
		requireSummary(t, s, rec, first)
		total := first.Int("summary.total")
		require.Positive(t, total)
		require.Equal(t, total, first.Int("summary.new"))
		require.Zero(t, first.Int("summary.updated"))

		before := fingerprint(s)
		second := s.Manual(syncType)
		require.Equal(t, http.StatusOK, second.Status, second.Text)
		requireSummary(t, s, s.Record(int64(second.Int("record_id"))), second)
		require.Zero(t, second.Int("summary.new"))
		require.Equal(t, total, second.Int("summary.updated"))
		require.Equal(t, before, fingerprint(s), "no row is rewritten")

		detail := s.Get("/api/sync/records/" + strconv.Itoa(second.Int("record_id")))
		require.Equal(t, http.StatusOK, detail.Status, detail.Text)
		for key, want := range map[string]int{
			"tasks_total": total, "tasks_new": 0, "tasks_updated": total, "tasks_unchanged": total,
			"tasks_matched": first.Int("summary.matched"), "tasks_pending": first.Int("summary.pending"),
			"tasks_failed": first.Int("summary.failed"), "tasks_idle": 0, "tasks_fetched": total, "tasks_duplicate": 0,
			"tasks_rejected": 0, "tasks_unstored": 0, "tasks_unprocessed": 0, "source_total": total, "retry_count": 0,
		} {
			require.Equal(t, want, detail.Int("data."+key), key)
		}
		require.Len(t, detail.At("data.error_details"), first.Int("summary.failed"))
		require.Equal(t, "manual", detail.Str("data.trigger_type"))
	}
}

func requireGuideShape(t *testing.T, a systest.Answer) {
	t.Helper()
	require.Equal(t, true, a.At("success"))
	top, ok := a.At("summary").(map[string]any)
	require.True(t, ok, a.Text)
	require.ElementsMatch(t, []string{"total", "new", "updated", "matched", "pending", "failed", "duration"}, slices.Collect(maps.Keys(top)))
}

// requireSummary holds an answer's numbers to what SQL counts in the window.
func requireSummary(t *testing.T, s *systest.System, rec task.Record, a systest.Answer) {
	t.Helper()
	count := func(condition string) int {
		return systest.Value[int](s, "SELECT count(*) FROM tasks WHERE source_created_at >= $1 AND source_created_at < $2 AND "+condition,
			rec.Window.From, rec.Window.To)
	}
	require.Equal(t, count("true"), a.Int("summary.total"))
	require.Equal(t, count("match_state = 'matched'"), a.Int("summary.matched"))
	require.Equal(t, count("match_state = 'pending'"), a.Int("summary.pending"))
	require.Equal(t, count("match_state = 'failed'"), a.Int("summary.failed"))
	require.Equal(t, rec.Duration(), a.Int("summary.duration"))
}

func TestRecordsAreListedReadAndShown(t *testing.T) {
	t.Parallel()
	s := systest.Start(t)
	historical := s.Manual(task.Historical).Int("record_id")
	today := s.Manual(task.Today).Int("record_id")
	list := s.Get("/api/sync/records?page=1&per_page=1")
	require.Equal(t, today, list.Int("data.records.0.id"), "the newest first")
	require.Equal(t, 2, list.Int("data.total"))
	require.Equal(t, 2, list.Int("data.pages"))
	require.Equal(t, 2, list.Int("data.unread_count"))
	require.Equal(t, historical, s.Get("/api/sync/records?sync_type=historical").Int("data.records.0.id"))
	require.Empty(t, s.Get("/api/sync/records?page=9").At("data.records"))

	read := s.Post("/api/sync/records/" + strconv.Itoa(today) + "/read")
	require.Equal(t, "已标记为已读", read.Str("message"))
	require.Equal(t, 1, s.Get("/api/sync/records").Int("data.unread_count"))
	require.Equal(t, "已标记所有记录为已读", s.Post("/api/sync/records/read-all").Str("message"))
	require.Zero(t, s.Get("/api/sync/records").Int("data.unread_count"))

	status := s.Get("/api/sync/status")
	require.Equal(t, false, status.At("data.today.syncing"))
	require.Nil(t, status.At("data.today.locked_by"))
	require.Equal(t, today, status.Int("data.today.last_sync.id"))
	require.Equal(t, historical, status.Int("data.historical.last_sync.id"))
}
