package api_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"tasksync/task"
)

func TestBalance(t *testing.T) {
	t.Parallel()
	total := func(n int) *int { return &n }
	for name, tc := range map[string]struct {
		change   func(*task.Record)
		drift    any
		balanced bool
	}{
		"balanced":                {func(r *task.Record) { r.SourceTotal, r.Distinct = total(85), 85 }, 0.0, true},
		"the source tells none":   {func(r *task.Record) { r.Distinct = 85 }, nil, true},
		"fewer than it said":      {func(r *task.Record) { r.SourceTotal, r.Distinct = total(90), 85 }, -5.0, false},
		"more than it said":       {func(r *task.Record) { r.SourceTotal, r.Distinct = total(80), 85 }, 5.0, false},
		"a sum that is wrong":     {func(r *task.Record) { r.Counts.Matched++ }, nil, false},
		"some were not processed": {func(r *task.Record) { r.Counts.Fetched, r.Counts.Unprocessed = 90, 5 }, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := setup(t)
			record := guideRecord(t)
			tc.change(&record)
			e.records.record = func(context.Context, int64) (task.Record, error) { return record, nil }
			balance := e.do("GET", "/api/sync/records/1").object(t)["data"].(map[string]any)["balance"].(map[string]any)
			require.Equal(t, tc.drift, balance["drift"])
			require.Equal(t, tc.balanced, balance["balanced"])
			want := map[string]any{
				"total": 85.0, "new": 12.0, "updated": 73.0, "unchanged": 60.0, "pending": 5.0, "failed": 0.0, "idle": 0.0,
				"duplicate": 0.0, "rejected": 0.0, "unstored": 0.0, "distinct": float64(record.Distinct),
				"matched": float64(record.Counts.Matched), "fetched": float64(record.Counts.Fetched), "unprocessed": float64(record.Counts.Unprocessed),
			}
			for _, key := range []string{"drift", "balanced", "source_total"} {
				delete(balance, key)
			}
			require.Equal(t, want, balance)
		})
	}
}

func TestWarningsOfARecord(t *testing.T) {
	t.Parallel()
	e := setup(t)
	record := guideRecord(t)
	record.Warnings = []task.Warning{{Code: task.WarnEmpty, Text: "冠客这次没有给出任务"}}
	record.ErrorMessage = "警告：冠客这次没有给出任务"
	e.records.record = func(context.Context, int64) (task.Record, error) { return record, nil }
	data := e.do("GET", "/api/sync/records/1").object(t)["data"].(map[string]any)
	require.Equal(t, []any{map[string]any{"code": "source_empty", "text": "冠客这次没有给出任务"}}, data["warnings"])
	require.Equal(t, "警告：冠客这次没有给出任务", data["error_message"])
	require.Equal(t, "success", data["status"], "a warning changes no status")
}
