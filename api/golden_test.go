package api_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"tasksync/task"
)

// The keys that DESIGN adds to the guide's blocks; no others may appear.
var (
	listExtra   = []string{"unread_failed_count"}
	itemExtra   = []string{"duration_ms", "error_message", "error_type", "retry_count"}
	detailExtra = []string{
		"sync_type_label", "trigger_type", "trigger_type_label", "status_label",
		"start_time", "end_time", "duration", "duration_ms", "window_from", "window_to",
		"tasks_unchanged", "tasks_matched", "tasks_pending", "tasks_idle", "tasks_fetched", "tasks_duplicate",
		"tasks_rejected", "tasks_unstored", "tasks_unprocessed", "source_total", "balance", "warnings",
		"error_type", "retry_count", "max_retries", "is_read", "read_at",
		"locked_by", "actor", "workflow_id", "first_run_id", "created_at", "updated_at",
	}
)

// without returns object without the extra keys, each of which must be there.
func without(t *testing.T, object any, extra ...string) map[string]any {
	t.Helper()
	left, ok := object.(map[string]any)
	require.True(t, ok)
	for _, key := range extra {
		require.Contains(t, left, key)
		delete(left, key)
	}
	return left
}

func TestGuideManualSync(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		syncType task.SyncType
		id       int64
		counts   task.Counts
		end      string
	}{
		"historical": {task.Historical, 1, task.Counts{Total: 85, New: 12, Updated: 73, Matched: 80, Pending: 5}, "2025-10-24T10:00:15"},
		"today":      {task.Today, 2, task.Counts{Total: 28, New: 5, Updated: 23, Matched: 26, Pending: 2}, "2025-10-24T10:00:08"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := setup(t)
			e.runs.start = func(_ context.Context, request task.StartRequest) (task.Started, error) {
				require.Equal(t, task.StartRequest{
					Type: tc.syncType, Trigger: task.Manual, LockedBy: "MacBook-Pro.local-12345", Actor: "api",
				}, request)
				return task.Started{RecordID: tc.id, RunID: "run"}, nil
			}
			e.runs.wait = func(_ context.Context, syncType task.SyncType, runID string) error {
				require.Equal(t, tc.syncType, syncType)
				require.Equal(t, "run", runID)
				return nil
			}
			e.records.record = func(_ context.Context, id int64) (task.Record, error) {
				record := guideRecord(t)
				end := at(t, tc.end)
				record.ID, record.Type, record.Counts, record.EndTime = id, tc.syncType, tc.counts, &end
				return record, nil
			}
			got := e.do("POST", "/api/sync/"+name+"/manual")
			require.Equal(t, 200, got.status)
			require.Equal(t, guide(t, name), got.object(t))
		})
	}
}

func TestGuideList(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.records.list = func(_ context.Context, filter task.RecordFilter) (task.RecordList, error) {
		require.Equal(t, task.RecordFilter{Type: task.Historical, Page: 1, PerPage: 20}, filter)
		return task.RecordList{Records: []task.Record{guideRecord(t)}, Total: 100, Unread: 3, UnreadFailed: 1}, nil
	}
	got := e.do("GET", "/api/sync/records?page=1&per_page=20&sync_type=historical")
	require.Equal(t, 200, got.status)
	object := got.object(t)
	data := without(t, object["data"], listExtra...)
	records, ok := data["records"].([]any)
	require.True(t, ok)
	require.Len(t, records, 1)
	without(t, records[0], itemExtra...)
	require.Equal(t, guide(t, "list"), object)
}

func TestGuideRecord(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.records.record = func(_ context.Context, id int64) (task.Record, error) {
		record := guideRecord(t)
		record.ID, record.Status = id, task.Partial
		record.Counts.Matched, record.Counts.Failed = 78, 2
		record.ErrorDetails = []task.ErrorDetail{{TaskID: "12345", TaskName: "测试任务-P1", Error: "数据包不存在"}}
		return record, nil
	}
	got := e.do("GET", "/api/sync/records/1")
	require.Equal(t, 200, got.status)
	object := got.object(t)
	without(t, object["data"], detailExtra...)
	require.Equal(t, guide(t, "record"), object)
}

func TestGuideRead(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.records.markRead = func(_ context.Context, id int64, actor string) error {
		require.Equal(t, int64(1), id)
		require.Equal(t, "api", actor)
		return nil
	}
	e.records.markAllRead = func(_ context.Context, actor string) error {
		require.Equal(t, "api", actor)
		return nil
	}
	require.Equal(t, guide(t, "read"), e.do("POST", "/api/sync/records/1/read").object(t))
	require.Equal(t, guide(t, "read-all"), e.do("POST", "/api/sync/records/read-all").object(t))
}

func TestGuideStatus(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.runs.locks = func(context.Context) (map[task.SyncType]task.Lock, error) {
		return map[task.SyncType]task.Lock{
			task.Today: {Type: task.Today, By: "MacBook-Pro.local-12345", At: at(t, "2025-10-24T14:00:00"), RecordID: 2},
		}, nil
	}
	e.records.latest = func(context.Context) (map[task.SyncType]task.Record, error) {
		running := guideRecord(t)
		running.ID, running.Type, running.Status = 2, task.Today, task.Running
		running.StartTime, running.EndTime = at(t, "2025-10-24T14:00:00"), nil
		return map[task.SyncType]task.Record{task.Historical: guideRecord(t), task.Today: running}, nil
	}
	got := e.do("GET", "/api/sync/status")
	require.Equal(t, 200, got.status)
	require.Equal(t, guide(t, "status"), got.object(t))
}

func TestGuideLockConflict(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.runs.start = func(context.Context, task.StartRequest) (task.Started, error) {
		return task.Started{}, task.Errorf(task.CodeLockConflict,
			"同步任务正在进行中，请稍后再试\n锁定者：MacBook-Pro.local-12345\n锁定时间：2025-10-24 10:00:00")
	}
	got := e.do("POST", "/api/sync/historical/manual")
	require.Equal(t, 409, got.status)
	require.Equal(t, guide(t, "lock-conflict"), got.object(t))
}
