package db_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tasksync/task"
)

func (f *fixture) fails(constraint, sql string) {
	f.t.Helper()
	_, err := f.sql.Exec(f.ctx, sql)
	require.ErrorContains(f.t, err, constraint, sql)
}

func TestTheDatabaseChecksTheBalance(t *testing.T) {
	f := setup(t)
	rec := f.record(task.Today)
	f.store(rec, 0, rows(1, 3, nil), task.StateCounts{})
	require.Equal(t, task.Success, f.close(rec).Status)
	for change, constraint := range map[string]string{
		"source_total = 4":                         "sync_records_balance",
		"tasks_distinct = 2, source_total = 3":     "sync_records_balance",
		"tasks_fetched = 4, tasks_unprocessed = 1": "sync_records_balance",
		"tasks_matched = 2, tasks_failed = 1":      "sync_records_balance",
		"tasks_distinct = 4":                       "sync_records_parts",
		"tasks_unchanged = 1":                      "sync_records_parts",
		"tasks_new = 2, tasks_rejected = 1":        "sync_records_parts",
		"tasks_pending = -1, tasks_matched = 4":    "sync_records_parts",
		"warnings = '{}'":                          "sync_records_warnings_check",
	} {
		f.fails(constraint, "UPDATE sync_records SET "+change)
	}
	f.exec("UPDATE sync_records SET status = 'partial', source_total = 5")
	require.Equal(t, -2, value[int](f, "SELECT source_drift FROM sync_records"))
}

// A run may think that all is well; the sums decide.
func TestARunThatDoesNotBalanceIsNeverASuccess(t *testing.T) {
	f := setup(t)
	drifted := f.record(task.Today)
	total := 10
	_, err := f.SavePage(f.ctx, task.Claim{
		RecordID: drifted.ID, FetchedAt: start, SpanTotal: &total, Fetched: 9, PassDistinct: 9, Unchanged: task.StateCounts{Matched: 9},
	})
	require.NoError(t, err)
	closed := f.close(drifted)
	require.Equal(t, task.Partial, closed.Status)
	require.Equal(t, task.CodeSourceDrift, closed.ErrorType)
	require.Equal(t, "冠客说有 10 个任务，读到 9 个不同的任务；请核对冠客的数据", closed.ErrorMessage)
	require.Equal(t, -1, *closed.Drift())
	require.False(t, closed.Balanced())

	left := f.record(task.Today)
	f.savePage(left, 0, rows(1, 3, nil), task.StateCounts{})
	closed = f.close(left)
	require.Equal(t, task.Partial, closed.Status)
	require.Contains(t, closed.ErrorMessage, "有 3 个没有处理")
	require.Equal(t, 1, value[int](f, "SELECT count(*) FROM sync_pages WHERE payload IS NOT NULL"), "a reset may still store them")

	settled := f.record(task.Historical)
	for pass, n := range []int{9, 10} {
		_, err = f.SavePage(f.ctx, task.Claim{
			RecordID: settled.ID, Seq: pass, Pass: pass, FetchedAt: start, SpanTotal: &total, Fetched: n, Duplicate: 9 * pass,
			PassDistinct: n, Unchanged: task.StateCounts{Matched: n - 9*pass},
		})
		require.NoError(t, err)
	}
	closed = f.close(settled)
	require.Equal(t, task.Success, closed.Status, "the last reading saw all")
	require.Equal(t, 10, closed.Distinct)
	require.True(t, closed.Balanced())
}

// slot closes a scheduled run that saw n tasks, or one of another kind by change.
func (f *fixture) slot(at time.Time, n int, change func(*task.Opening, *task.Closing)) task.Record {
	f.t.Helper()
	o := f.opening(task.Today, "sync-today", at.String())
	o.Trigger, o.ScheduledAt, o.StartTime = task.Auto, &at, at.Add(3*time.Second)
	o.Window = task.WindowAt(task.Today, at, shanghai)
	c := task.Closing{EndTime: at.Add(15 * time.Second), Zone: shanghai, Complete: true}
	if change != nil {
		change(&o, &c)
	}
	rec, err := f.OpenRecord(f.ctx, o, shanghai)
	require.NoError(f.t, err)
	_, err = f.SavePage(f.ctx, task.Claim{
		RecordID: rec.ID, FetchedAt: at, Fetched: n, PassDistinct: n, Unchanged: task.StateCounts{Matched: n},
	})
	require.NoError(f.t, err)
	c.RecordID = rec.ID
	closed, err := f.CloseRecord(f.ctx, c)
	require.NoError(f.t, err)
	return closed
}

func TestSlotIsComparedWithTheSameSlotBefore(t *testing.T) {
	f := setup(t)
	first := f.slot(start.AddDate(0, 0, -2), 100, nil)
	require.Empty(t, first.Warnings, "there is nothing to compare with")
	require.Empty(t, first.ErrorMessage)
	f.slot(start.AddDate(0, 0, -1).Add(-time.Hour), 3, nil)
	f.slot(start.AddDate(0, 0, -1), 2, func(_ *task.Opening, c *task.Closing) {
		c.Status, c.ErrorType = task.Failed, task.CodeSourceUnavailable
	})

	empty := f.slot(start, 0, nil)
	require.Equal(t, []task.Warning{{
		Code: task.WarnEmpty, Text: "冠客这次给出 0 个任务，而 2026-11-21 14:00 的同一时刻（记录 1）有 100 个；请检查冠客是否正常",
	}}, empty.Warnings, "neither another slot nor a failed run counts")
	require.Equal(t, "警告："+empty.Warnings[0].Text, empty.ErrorMessage)
	require.Equal(t, task.Success, empty.Status, "a warning changes no status")
	require.Empty(t, empty.ErrorType)

	again := f.slot(start.AddDate(0, 0, 1), 0, nil)
	require.Empty(t, again.Warnings, "nothing after nothing is no news")
}

func TestSlotThatGaveFarLess(t *testing.T) {
	f := setup(t)
	f.slot(start.AddDate(0, 0, -7), 100, nil)
	less := f.slot(start, 19, func(_ *task.Opening, c *task.Closing) {
		c.ErrorType, c.ErrorMessage, c.Complete = task.CodeSourceDrift, "漂移", false
	})
	require.Len(t, less.Warnings, 1)
	require.Equal(t, task.WarnFarLess, less.Warnings[0].Code)
	require.Equal(t, "漂移\n警告："+less.Warnings[0].Text, less.ErrorMessage, "what is wrong comes first")
	require.Equal(t, task.Partial, less.Status)
	f.slot(start.AddDate(0, 0, -8).Add(time.Hour), 100, nil)
	require.Empty(t, f.slot(start.Add(time.Hour), 0, nil).Warnings, "a week at most: the one before is 8 days ago")
	manual := f.slot(start.AddDate(0, 0, 2), 0, func(o *task.Opening, _ *task.Closing) { o.ScheduledAt, o.Trigger = nil, task.Manual })
	require.Empty(t, manual.Warnings, "a person's run has no slot")
}

func TestReopenedRecordForgetsItsWarnings(t *testing.T) {
	f := setup(t)
	f.slot(start.AddDate(0, 0, -1), 100, nil)
	rec := f.slot(start, 0, nil)
	require.Len(t, rec.Warnings, 1)
	reopened, err := f.ReopenRecord(f.ctx, rec.ID)
	require.NoError(t, err)
	require.Empty(t, reopened.Warnings)
	require.Len(t, f.close(rec).Warnings, 1, "and finds them again")
}
