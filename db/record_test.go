package db_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"tasksync/task"
)

func TestOpenRecordIsIdempotent(t *testing.T) {
	f := setup(t)
	o := f.opening(task.Today, "sync-today", "run-1")
	first, err := f.OpenRecord(f.ctx, o, shanghai)
	require.NoError(t, err)
	again, err := f.OpenRecord(f.ctx, o, shanghai)
	require.NoError(t, err)
	require.Equal(t, first, again)
	require.Equal(t, task.Running, first.Status)

	o.RecordID, o.WorkflowID = 1000, "sync-historical"
	given, err := f.OpenRecord(f.ctx, o, shanghai)
	require.NoError(t, err)
	require.EqualValues(t, 1000, given.ID, "an id that the caller took is kept")
}

func TestOpenRecordClosesADeadPredecessor(t *testing.T) {
	f := setup(t)
	dead, err := f.OpenRecord(f.ctx, f.opening(task.Today, "sync-today", "run-1"), shanghai)
	require.NoError(t, err)
	f.store(dead, 0, rows(1, 50, nil), task.StateCounts{})
	_, err = f.OpenRecord(f.ctx, f.opening(task.Today, "sync-today", "run-2"), shanghai)
	require.NoError(t, err)
	closed, err := f.Record(f.ctx, dead.ID)
	require.NoError(t, err)
	require.Equal(t, task.Failed, closed.Status)
	require.Equal(t, task.CodeTerminated, closed.ErrorType)
	require.Equal(t, 50, closed.Counts.New, "what was committed is counted")
}

func TestOneRunningRecordPerWorkflowID(t *testing.T) {
	f := setup(t)
	f.record(task.Today)
	_, err := f.sql.Exec(f.ctx, `INSERT INTO sync_records (sync_type, trigger_type, status, start_time, workflow_id, first_run_id,
		window_from, window_to, locked_by, actor) SELECT sync_type, trigger_type, status, start_time, workflow_id, 'other',
		window_from, window_to, locked_by, actor FROM sync_records`)
	require.ErrorContains(t, err, "sync_records_running")
}

func TestTheDatabaseChecksTheSums(t *testing.T) {
	f := setup(t)
	rec := f.record(task.Today)
	f.store(rec, 0, rows(1, 3, nil), task.StateCounts{})
	f.close(rec)
	for column, constraint := range map[string]string{
		"tasks_matched": "sync_records_outcomes", "tasks_new": "sync_records_writes", "tasks_fetched": "sync_records_fetched",
	} {
		_, err := f.sql.Exec(f.ctx, "UPDATE sync_records SET "+column+" = "+column+" + 1")
		require.ErrorContains(t, err, constraint)
	}
}

func TestCloseRecord(t *testing.T) {
	f := setup(t)
	rec := f.record(task.Today)
	f.store(rec, 0, rows(1, 2, nil), task.StateCounts{Pending: 1, Failed: 1, Idle: 1})
	total := 6
	saved, err := f.SavePage(f.ctx, task.Claim{
		RecordID: rec.ID, Seq: 1, FetchedAt: start, SpanTotal: &total, Fetched: 2, Duplicate: 1, PassDistinct: 1,
		Rejects: []task.Reject{{TaskID: "9", TaskName: "", Reason: "任务名为空", Payload: []byte(`{"id":9}`)}},
	})
	require.NoError(t, err)
	require.True(t, saved)

	c := f.closing(rec)
	c.RetryCount = 2
	c.Attempts = []task.Attempt{{Step: "fetch:0", Attempt: 1, Kind: task.AttemptSource, Code: task.CodeSourceUnavailable, Error: "503", At: start, Wait: 2 * time.Second, Outcome: task.OutcomeRetried}}
	require.NoError(t, f.SaveAttempts(f.ctx, rec.ID, c.Attempts), "kept at once, and again when the record closes")
	closed, err := f.CloseRecord(f.ctx, c)
	require.NoError(t, err)

	require.Equal(t, task.Partial, closed.Status)
	require.Equal(t, task.Counts{
		Total: 6, New: 2, Updated: 3, Unchanged: 3, Matched: 2, Pending: 1, Failed: 2, Idle: 1, Fetched: 7, Duplicate: 1, Rejected: 1,
	}, closed.Counts)
	require.Equal(t, 6, *closed.SourceTotal)
	require.Equal(t, 15, closed.Duration())
	require.Equal(t, 2, closed.RetryCount)
	require.Equal(t, []task.ErrorDetail{{TaskID: "9", Error: "任务名为空"}}, closed.ErrorDetails)
	attempts, err := f.Attempts(f.ctx, rec.ID)
	require.NoError(t, err)
	require.Len(t, attempts, 1)
	require.Equal(t, 2*time.Second, attempts[0].Wait)

	_, err = f.CloseRecord(f.ctx, c)
	requireCode(t, err, task.CodeRecordClosed)
}

func TestReopenedRecordClosesOnceMoreAndCountsOnce(t *testing.T) {
	f := setup(t)
	rec := f.record(task.Today)
	f.savePage(rec, 0, rows(1, 50, nil), task.StateCounts{})
	f.close(rec)
	reopened, err := f.ReopenRecord(f.ctx, rec.ID)
	require.NoError(t, err)
	require.Equal(t, task.Running, reopened.Status)
	require.Nil(t, reopened.EndTime)
	_, err = f.SaveBatch(f.ctx, batch(rec, 0, 0, rows(1, 50, nil)))
	require.NoError(t, err)
	require.Equal(t, 50, f.close(rec).Counts.New)
	require.Equal(t, 1, value[int](f, "SELECT sum(runs_success + runs_partial + runs_failed + runs_canceled) FROM sync_daily"))
	require.Equal(t, 50, value[int](f, "SELECT tasks_new FROM sync_daily WHERE day = '2026-11-23' AND sync_type = 'today'"))
}

func TestTasksThatAreGone(t *testing.T) {
	f := setup(t)
	first := f.record(task.Today)
	f.store(first, 0, rows(1, 100, nil), task.StateCounts{})
	f.close(first)
	missing := func() int { return value[int](f, "SELECT count(*) FROM tasks WHERE missing_at IS NOT NULL") }
	// see tells a run that sees the tasks from 1 to n unchanged.
	see := func(n int) task.Record {
		rec := f.record(task.Today)
		claim := task.Claim{RecordID: rec.ID, FetchedAt: start, Fetched: n, PassDistinct: n, Unchanged: task.StateCounts{Matched: n}}
		for _, r := range rows(1, n, nil) {
			claim.IDs = append(claim.IDs, r.Task.ID)
		}
		_, err := f.SavePage(f.ctx, claim)
		require.NoError(t, err)
		return rec
	}

	incomplete := f.closing(see(95))
	incomplete.Complete = false
	_, err := f.CloseRecord(f.ctx, incomplete)
	require.NoError(t, err)
	require.Zero(t, missing(), "an incomplete run says nothing about what is gone")

	shrunk := f.close(see(79))
	require.Zero(t, missing(), "a run that shrank by more than a fifth marks none")
	require.Contains(t, shrunk.ErrorMessage, "只给出 79 个任务")
	require.Equal(t, task.Success, shrunk.Status)

	f.close(see(80))
	require.Equal(t, 20, missing())
	require.Equal(t, 1, value[int](f, "SELECT max(revision) FROM tasks WHERE missing_at IS NULL"), "no row is touched for being seen")

	back := f.record(task.Today)
	f.store(back, 0, rows(81, 100, nil), task.StateCounts{Matched: 80})
	require.Equal(t, 20, f.close(back).Counts.Updated-80)
	require.Zero(t, missing(), "seen again, it is cleared")
}

// What an earlier reading of the run saw may be gone when the last one settles.
func TestTheLastReadingSaysWhatIsGone(t *testing.T) {
	f := setup(t)
	rec := f.record(task.Today)
	f.store(rec, 0, rows(1, 20, nil), task.StateCounts{})
	page := func(pass, seq, total, from, to int) {
		claim := task.Claim{RecordID: rec.ID, Seq: seq, Pass: pass, FetchedAt: start, SpanTotal: &total}
		for _, r := range rows(from, to, nil) {
			claim.IDs = append(claim.IDs, r.Task.ID)
		}
		claim.Fetched, claim.Duplicate, claim.PassDistinct = len(claim.IDs), len(claim.IDs), len(claim.IDs)
		_, err := f.SavePage(f.ctx, claim)
		require.NoError(t, err)
	}
	sums := func(pass int) task.PassSums {
		out, err := f.PassSums(f.ctx, rec.ID, pass)
		require.NoError(t, err)
		return out
	}
	eighteen := 18
	page(1, 1, 20, 1, 10)
	page(1, 2, 18, 11, 18)
	require.Equal(t, task.PassSums{Distinct: 18, SourceTotal: &eighteen, TotalChanged: true}, sums(1))
	page(2, 3, 18, 1, 10)
	page(2, 4, 18, 11, 18)
	require.Equal(t, task.PassSums{Distinct: 18, SourceTotal: &eighteen}, sums(2))

	require.Equal(t, 20, f.close(rec).Counts.Total)
	require.Equal(t, []string{"0000019", "0000020"},
		value[[]string](f, "SELECT array_agg(id ORDER BY id) FROM tasks WHERE missing_at IS NOT NULL"))
}

// The planner knows neither how many ids the pages hold nor that the window's
// rows exist; a nested loop would take minutes.
func TestLookingForMissingTasksIsHashed(t *testing.T) {
	f := setup(t)
	text, err := os.ReadFile("queries/tasks.sql")
	require.NoError(t, err)
	_, query, found := strings.Cut(string(text), "-- name: MarkMissing :execrows\n")
	require.True(t, found)
	query = strings.NewReplacer("@window_from", "now()", "@window_to", "now()", "@record_id", "1").Replace(query)
	rows, err := f.sql.Query(f.ctx, "EXPLAIN "+query)
	require.NoError(t, err)
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	plan := strings.Join(lines, "\n")
	require.Contains(t, plan, "hashed SubPlan")
	require.NotContains(t, plan, "Nested Loop")
}

func TestClaimsAreDroppedWhenAllIsStored(t *testing.T) {
	f := setup(t)
	kept := func() int {
		return value[int](f, "SELECT count(*) FROM sync_pages WHERE payload IS NOT NULL OR matches IS NOT NULL")
	}
	failed := f.record(task.Today)
	f.savePage(failed, 0, rows(1, 50, nil), task.StateCounts{})
	c := f.closing(failed)
	c.Status, c.ErrorType = task.Failed, task.CodeSourceUnavailable
	_, err := f.CloseRecord(f.ctx, c)
	require.NoError(t, err)
	require.Equal(t, 1, kept(), "a reset may still store them")
	good := f.record(task.Today)
	f.store(good, 0, rows(1, 50, nil), task.StateCounts{})
	f.close(good)
	require.Equal(t, 1, kept())
}

func TestAttemptsOfARunThatWasResetAreKeptBeside(t *testing.T) {
	f := setup(t)
	rec := f.record(task.Today)
	attempt := task.Attempt{RunID: "first", Step: "fetch:0", Attempt: 1, Kind: task.AttemptSource, Code: task.CodeSourceUnavailable, At: start}
	require.NoError(t, f.SaveAttempts(f.ctx, rec.ID, []task.Attempt{attempt}))
	// The execution after a reset has the earlier attempts in its history too.
	attempt.RunID = "second"
	require.NoError(t, f.SaveAttempts(f.ctx, rec.ID, []task.Attempt{attempt}))
	attempt.At = start.Add(time.Hour)
	require.NoError(t, f.SaveAttempts(f.ctx, rec.ID, []task.Attempt{attempt}))
	attempts, err := f.Attempts(f.ctx, rec.ID)
	require.NoError(t, err)
	require.Len(t, attempts, 2)
}

// A worker that is killed while it notes an attempt leaves the next one to note
// it again: it is one attempt all the same.
func TestAnAttemptThatIsNotedAgainIsOne(t *testing.T) {
	f := setup(t)
	rec := f.record(task.Today)
	attempt := task.Attempt{RunID: "first", Step: "fetch:0", Attempt: 1, Kind: task.AttemptSource, Code: task.CodeSourceUnavailable, At: start}
	other := attempt
	other.Attempt = 2
	require.NoError(t, f.SaveAttempts(f.ctx, rec.ID, []task.Attempt{attempt, other}))
	attempt.At = start.Add(10 * time.Second)
	require.NoError(t, f.SaveAttempts(f.ctx, rec.ID, []task.Attempt{attempt}))
	c := f.closing(rec)
	c.Attempts = []task.Attempt{attempt, other}
	_, err := f.CloseRecord(f.ctx, c)
	require.NoError(t, err)
	attempts, err := f.Attempts(f.ctx, rec.ID)
	require.NoError(t, err)
	require.Len(t, attempts, 2)
	require.True(t, attempts[0].At.Equal(other.At))
	require.True(t, attempts[1].At.Equal(attempt.At))
}

func TestDeletingARecordTakesWhatHangsOnIt(t *testing.T) {
	f := setup(t)
	old := f.record(task.Today)
	f.store(old, 0, rows(1, 50, func(i int, r *task.Row) {
		r.Match = task.Match{State: task.MatchFailed, Layer: 1, Reason: "数据包已停用"}
	}), task.StateCounts{})
	f.close(old)
	running := f.record(task.Today)
	f.exec("UPDATE sync_records SET created_at = now() - interval '31 days'")

	n, err := f.DeleteOldRecords(f.ctx, time.Now().Add(-30*24*time.Hour), 10)
	require.NoError(t, err)
	require.Equal(t, 1, n, "a running record stays")
	for _, table := range []string{"sync_pages", "sync_batches", "sync_task_errors"} {
		require.Zero(t, value[int](f, "SELECT count(*) FROM "+table+" WHERE record_id <> $1", running.ID), table)
	}
	require.Equal(t, 50, value[int](f, "SELECT count(*) FROM tasks"), "tasks stay")
	require.Equal(t, 1, value[int](f, "SELECT count(*) FROM sync_daily"), "statistics stay")
}

func TestATaskThatIsRefusedDoesNotHideOneThatIsGone(t *testing.T) {
	f := setup(t)
	first := f.record(task.Today)
	f.store(first, 0, rows(1, 20, nil), task.StateCounts{})
	f.close(first)
	f.exec("ALTER TABLE tasks ADD CONSTRAINT no_bad_names CHECK (name NOT LIKE 'bad%')")
	rec := f.record(task.Today)
	f.store(rec, 0, rows(2, 21, func(i int, r *task.Row) {
		if i == 21 {
			r.Task.Name = "bad name"
		}
	}), task.StateCounts{})
	require.Equal(t, 1, f.close(rec).Counts.Unstored)
	require.Equal(t, []string{"0000001"}, value[[]string](f, "SELECT array_agg(id) FROM tasks WHERE missing_at IS NOT NULL"))
}
