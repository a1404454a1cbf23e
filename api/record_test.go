package api_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tasksync/task"
)

func TestListOfNothing(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.records.list = func(_ context.Context, filter task.RecordFilter) (task.RecordList, error) {
		require.Equal(t, task.RecordFilter{Page: 1, PerPage: 20}, filter)
		return task.RecordList{}, nil
	}
	got := e.do("GET", "/api/sync/records")
	require.Equal(t, map[string]any{
		"records": []any{}, "total": 0.0, "page": 1.0, "per_page": 20.0, "pages": 0.0,
		"unread_count": 0.0, "unread_failed_count": 0.0,
	}, got.object(t)["data"])
}

func TestListPages(t *testing.T) {
	t.Parallel()
	for query, tc := range map[string]struct {
		filter task.RecordFilter
		total  int
		pages  float64
	}{
		"?per_page=100":                  {task.RecordFilter{Page: 1, PerPage: 100}, 100, 1},
		"?per_page=100&page=2":           {task.RecordFilter{Page: 2, PerPage: 100}, 101, 2},
		"?per_page=1":                    {task.RecordFilter{Page: 1, PerPage: 1}, 3, 3},
		"?page=2147483647":               {task.RecordFilter{Page: 2147483647, PerPage: 20}, 1, 1},
		"?sync_type=today&_=1&unknown=x": {task.RecordFilter{Type: task.Today, Page: 1, PerPage: 20}, 0, 0},
	} {
		t.Run(query, func(t *testing.T) {
			t.Parallel()
			e := setup(t)
			e.records.list = func(_ context.Context, filter task.RecordFilter) (task.RecordList, error) {
				require.Equal(t, tc.filter, filter)
				return task.RecordList{Total: tc.total}, nil
			}
			got := e.do("GET", "/api/sync/records"+query)
			require.Equal(t, 200, got.status)
			data := got.object(t)["data"].(map[string]any)
			require.InDelta(t, tc.pages, data["pages"], 0)
			require.Equal(t, []any{}, data["records"])
		})
	}
}

// Each refused value names its parameter and says what is allowed.
func TestBadParameters(t *testing.T) {
	t.Parallel()
	const (
		page    = "参数 page 不合法：必须是 1 到 2147483647 之间的整数"
		perPage = "参数 per_page 不合法：必须是 1 到 100 之间的整数"
		types   = "参数 sync_type 不合法：只能是 historical 或 today"
		wait    = "参数 wait 不合法：只能是 true 或 false"
		id      = "参数 id 不合法：必须是 1 到 9223372036854775807 之间的整数"
	)
	for _, tc := range []struct{ method, target, want string }{
		{"GET", "/api/sync/records?page=0", page},
		{"GET", "/api/sync/records?page=-1", page},
		{"GET", "/api/sync/records?page=1.5", page},
		{"GET", "/api/sync/records?page=", page},
		{"GET", "/api/sync/records?page=one", page},
		{"GET", "/api/sync/records?page=2147483648", page},
		{"GET", "/api/sync/records?page=99999999999999999999", page},
		{"GET", "/api/sync/records?page=1&page=2", "参数 page 不合法：只能出现一次"},
		{"GET", "/api/sync/records?per_page=0", perPage},
		{"GET", "/api/sync/records?per_page=101", perPage},
		{"GET", "/api/sync/records?per_page=abc", perPage},
		{"GET", "/api/sync/records?sync_type=weekly", types},
		{"GET", "/api/sync/records?sync_type=", types},
		{"GET", "/api/sync/records?sync_type=Today", types},
		{"GET", "/api/sync/records?page=%zz", "查询参数的写法不合法：请检查 % 转义与分隔符"},
		{"POST", "/api/sync/today/manual?wait=maybe", wait},
		{"POST", "/api/sync/historical/manual?wait=", wait},
		{"GET", "/api/sync/records/abc", id},
		{"GET", "/api/sync/records/0", id},
		{"GET", "/api/sync/records/-1", id},
		{"GET", "/api/sync/records/99999999999999999999", id},
		{"POST", "/api/sync/records/1.5/read", id},
	} {
		t.Run(tc.method+" "+tc.target, func(t *testing.T) {
			t.Parallel()
			e := setup(t)
			if tc.target == "/api/sync/records?page=%zz" {
				// A client's own parser would refuse it: the contract's part is
				// played by the envelope alone.
				e.anyStatus = true
			}
			require.Equal(t, tc.want, e.do(tc.method, tc.target).refused(t, 400, task.CodeInvalidArgument))
		})
	}
}

func TestRunningRecord(t *testing.T) {
	t.Parallel()
	e := setup(t)
	record := guideRecord(t)
	record.Status, record.EndTime, record.Counts, record.Trigger = task.Running, nil, task.Counts{}, task.Backfill
	e.records.record = func(context.Context, int64) (task.Record, error) { return record, nil }
	e.records.list = func(context.Context, task.RecordFilter) (task.RecordList, error) {
		return task.RecordList{Records: []task.Record{record}, Total: 1}, nil
	}
	detail := e.do("GET", "/api/sync/records/1").object(t)["data"].(map[string]any)
	list := e.do("GET", "/api/sync/records").object(t)["data"].(map[string]any)
	for _, shown := range []map[string]any{detail, list["records"].([]any)[0].(map[string]any)} {
		for _, key := range []string{"end_time", "duration", "duration_ms", "error_message", "error_type"} {
			require.Contains(t, shown, key)
			require.Nil(t, shown[key], key)
		}
		require.Equal(t, "进行中", shown["status_label"])
		require.Equal(t, "补数", shown["trigger_type_label"])
	}
	require.Equal(t, []any{}, detail["error_details"])
	require.Nil(t, detail["source_total"])
	require.Nil(t, detail["balance"], "there is nothing to balance yet")
	require.Equal(t, []any{}, detail["warnings"])
	require.Nil(t, detail["read_at"])
}

// The difference of the shown seconds is the shown duration, whatever the
// fractions and whatever the zone of the store's answer.
func TestTimesAreWholeSecondsOfTheBusinessZone(t *testing.T) {
	t.Parallel()
	e := setup(t)
	record := guideRecord(t)
	start := time.Date(2025, 10, 23, 22, 59, 59, 999_000_000, time.FixedZone("EDT", -4*60*60))
	end := start.Add(2 * time.Millisecond)
	total := 90
	record.StartTime, record.EndTime, record.ReadAt, record.SourceTotal = start, &end, &end, &total
	record.ErrorType, record.ErrorMessage = task.CodeDeadline, "超时"
	e.records.record = func(context.Context, int64) (task.Record, error) { return record, nil }
	data := e.do("GET", "/api/sync/records/1").object(t)["data"].(map[string]any)
	require.Equal(t, "2025-10-24T10:59:59", data["start_time"])
	require.Equal(t, "2025-10-24T11:00:00", data["end_time"])
	require.Equal(t, "2025-10-24T11:00:00", data["read_at"])
	require.InDelta(t, 1, data["duration"], 0)
	require.InDelta(t, 2, data["duration_ms"], 0)
	require.InDelta(t, 90, data["source_total"], 0)
	require.Equal(t, "lock_timeout", data["error_type"])
	require.Equal(t, "超时", data["error_message"])
}

func TestUnknownRecord(t *testing.T) {
	t.Parallel()
	e := setup(t)
	none := task.Errorf(task.CodeNotFound, "同步记录不存在")
	e.records.record = func(context.Context, int64) (task.Record, error) { return task.Record{}, none }
	e.records.markRead = func(context.Context, int64, string) error { return none }
	e.do("GET", "/api/sync/records/9223372036854775807").refused(t, 404, task.CodeNotFound)
	e.do("POST", "/api/sync/records/9/read").refused(t, 404, task.CodeNotFound)
}

func TestStatusOfAnEmptySystem(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.runs.locks = func(context.Context) (map[task.SyncType]task.Lock, error) { return nil, nil }
	e.records.latest = func(context.Context) (map[task.SyncType]task.Record, error) { return nil, nil }
	idle := map[string]any{"syncing": false, "locked_by": nil, "last_sync": nil}
	require.Equal(t, map[string]any{"historical": idle, "today": idle},
		e.do("GET", "/api/sync/status").object(t)["data"])
}

func TestStatusNeedsTemporal(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.runs.locks = func(context.Context) (map[task.SyncType]task.Lock, error) {
		return nil, task.Errorf(task.CodeTemporalUnavailable, "Temporal 不可用")
	}
	e.do("GET", "/api/sync/status").refused(t, 503, task.CodeTemporalUnavailable)
}
