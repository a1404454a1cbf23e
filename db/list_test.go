package db_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tasksync/task"
)

func TestListIsNewestFirst(t *testing.T) {
	f := setup(t)
	var ids []int64
	for i := range 5 {
		o := f.opening(task.SyncTypes[i%2], fmt.Sprintf("w%d", i), "r")
		o.StartTime = start.Add(time.Duration(i/2) * time.Hour)
		rec, err := f.OpenRecord(f.ctx, o, shanghai)
		require.NoError(t, err)
		ids = append(ids, rec.ID)
	}
	list, err := f.List(f.ctx, task.RecordFilter{Type: "", Page: 1, PerPage: 3})
	require.NoError(t, err)
	require.Equal(t, []int64{ids[4], ids[3], ids[2]}, idsOf(list.Records), "the same start time: the higher id first")
	require.Equal(t, 5, list.Total)

	list, err = f.List(f.ctx, task.RecordFilter{Type: task.Historical, Page: 2, PerPage: 2})
	require.NoError(t, err)
	require.Equal(t, []int64{ids[0]}, idsOf(list.Records))
	require.Equal(t, 3, list.Total)

	list, err = f.List(f.ctx, task.RecordFilter{Type: "", Page: 99, PerPage: 20})
	require.NoError(t, err)
	require.Empty(t, list.Records)
	require.NotNil(t, list.Records)
	require.Equal(t, 5, list.Total)
}

func idsOf(records []task.Record) (ids []int64) {
	for _, r := range records {
		ids = append(ids, r.ID)
	}
	return ids
}

func TestUnreadCountsFinishedRecordsOnly(t *testing.T) {
	f := setup(t)
	running, good, bad := f.record(task.Today), f.record(task.Today), f.record(task.Historical)
	f.close(good)
	c := f.closing(bad)
	c.Status, c.ErrorType, c.ErrorMessage = task.Failed, task.CodeSourceAuth, "凭据错误"
	_, err := f.CloseRecord(f.ctx, c)
	require.NoError(t, err)
	unread := func() [2]int {
		list, err := f.List(f.ctx, task.RecordFilter{Type: task.Today, Page: 1, PerPage: 1})
		require.NoError(t, err)
		return [2]int{list.Unread, list.UnreadFailed}
	}
	require.Equal(t, [2]int{2, 1}, unread(), "of all types, whatever the filter")

	require.NoError(t, f.MarkRead(f.ctx, running.ID, "test"))
	require.NoError(t, f.MarkRead(f.ctx, bad.ID, "test"))
	require.NoError(t, f.MarkRead(f.ctx, bad.ID, "test"))
	require.Equal(t, [2]int{1, 0}, unread())
	requireCode(t, f.MarkRead(f.ctx, 4711, "test"), task.CodeNotFound)

	require.NoError(t, f.MarkAllRead(f.ctx, "test"))
	require.Equal(t, [2]int{0, 0}, unread())
	require.False(t, value[bool](f, "SELECT is_read FROM sync_records WHERE status = 'running'"), "a running record is skipped")
}

func TestLatestIgnoresBackfills(t *testing.T) {
	f := setup(t)
	latest, err := f.Latest(f.ctx)
	require.NoError(t, err)
	require.Empty(t, latest)
	rec := f.record(task.Historical)
	o := f.opening(task.Historical, "sync-backfill-2026-01-31", "r")
	o.Trigger, o.StartTime = task.Backfill, start.Add(time.Hour)
	_, err = f.OpenRecord(f.ctx, o, shanghai)
	require.NoError(t, err)
	latest, err = f.Latest(f.ctx)
	require.NoError(t, err)
	require.Len(t, latest, 1)
	require.Equal(t, rec.ID, latest[task.Historical].ID)
}

// Every query that the API runs finds an index on 100,000 records.
func TestQueriesOfTheAPIUseIndexes(t *testing.T) {
	f := setup(t)
	f.exec(`INSERT INTO sync_records (sync_type, trigger_type, status, start_time, end_time, workflow_id, first_run_id,
			window_from, window_to, locked_by, actor, is_read)
		SELECT CASE i % 2 WHEN 0 THEN 'today' ELSE 'historical' END, CASE i % 50 WHEN 1 THEN 'backfill' ELSE 'auto' END, 'success',
			now() - i * interval '1 minute', now(), 'w' || i, 'r', now(), now(), 'h', 'a', i > 100
		FROM generate_series(1, 100000) i`)
	require.Eventually(t, func() bool {
		// Other tests' transactions may hold back what a vacuum sees.
		f.exec("VACUUM ANALYZE sync_records")
		return value[bool](f, "SELECT relallvisible = relpages FROM pg_class WHERE relname = 'sync_records'")
	}, time.Minute, 100*time.Millisecond)
	for name, tc := range map[string]struct{ sql, index string }{
		"list":          {"SELECT * FROM sync_records ORDER BY start_time DESC, id DESC LIMIT 20 OFFSET 40", "sync_records_list"},
		"list by type":  {"SELECT * FROM sync_records WHERE sync_type = 'today' ORDER BY start_time DESC, id DESC LIMIT 20 OFFSET 40", "sync_records_list"},
		"count":         {"SELECT count(*) FROM sync_records", "Index Only Scan"},
		"count by type": {"SELECT count(*) FROM sync_records WHERE sync_type = 'today'", "Index Only Scan"},
		"unread":        {"SELECT count(*) AS unread, count(*) FILTER (WHERE status IN ('failed', 'partial')) FROM sync_records WHERE NOT is_read AND status <> 'running'", "sync_records_unread"},
		"latest":        {"SELECT * FROM sync_records WHERE sync_type = 'historical' AND trigger_type <> 'backfill' ORDER BY start_time DESC, id DESC LIMIT 1", "sync_records_list"},
		"detail":        {"SELECT * FROM sync_records WHERE id = 5", "sync_records_pkey"},
		"read all":      {"UPDATE sync_records SET is_read = true WHERE NOT is_read AND status <> 'running'", "sync_records_unread"},
		"running":       {"SELECT * FROM sync_records WHERE status = 'running' ORDER BY id", "sync_records_running"},
		"of a run":      {"SELECT * FROM sync_records WHERE workflow_id = 'w7' AND first_run_id = 'r'", "sync_records_workflow_id_first_run_id_key"},
		"retention":     {"SELECT id FROM sync_records WHERE created_at < now() - interval '30 days' ORDER BY created_at LIMIT 200", "sync_records_created"},
		"day's roll-up": {"SELECT count(*) FROM sync_records WHERE start_time >= now() - interval '1 day' AND start_time < now() AND sync_type = 'today'", "sync_records_list"},
		"errors":        {"SELECT * FROM sync_task_errors WHERE record_id = 5", "sync_task_errors_pkey"},
	} {
		t.Run(name, func(t *testing.T) {
			rows, err := f.sql.Query(f.ctx, "EXPLAIN "+tc.sql)
			require.NoError(t, err)
			var lines []string
			for rows.Next() {
				var line string
				require.NoError(t, rows.Scan(&line))
				lines = append(lines, line)
			}
			require.NoError(t, rows.Err())
			plan := strings.Join(lines, "\n")
			require.Regexp(t, regexp.QuoteMeta(tc.index), plan)
			require.NotContains(t, plan, "Seq Scan")
		})
	}
}
