package db_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"tasksync/db"
	"tasksync/task"
)

// begin opens a transaction beside the store's connections.
func (f *fixture) begin() pgx.Tx {
	f.t.Helper()
	tx, err := f.sql.Begin(f.ctx)
	require.NoError(f.t, err)
	return tx
}

// waiting waits until n sessions wait for a lock.
func (f *fixture) waiting(n int) {
	f.t.Helper()
	beside, err := pgx.Connect(f.ctx, f.url)
	require.NoError(f.t, err)
	defer func() { require.NoError(f.t, beside.Close(f.ctx)) }()
	require.Eventually(f.t, func() bool {
		var have int
		err := beside.QueryRow(f.ctx, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()").Scan(&have)
		return err == nil && have == n
	}, 20*time.Second, 10*time.Millisecond)
}

// async runs do beside the test and answers how to wait for its error.
func async(do func() error) (wait func() error) {
	done := make(chan error, 1)
	go func() { done <- do() }()
	return func() error { return <-done }
}

func TestTwoClosingsOfOneDayBothCount(t *testing.T) {
	f := setup(t)
	f.close(f.record(task.Today))
	one, other := f.record(task.Today), f.record(task.Today)
	tx := f.begin()
	_, err := tx.Exec(f.ctx, "SELECT FROM sync_daily FOR UPDATE")
	require.NoError(t, err)
	closing := func(rec task.Record) func() error {
		return async(func() error { _, err := f.CloseRecord(f.ctx, f.closing(rec)); return err })
	}
	first, second := closing(one), closing(other)
	f.waiting(2)
	require.NoError(t, tx.Commit(f.ctx))
	require.NoError(t, first())
	require.NoError(t, second())
	require.Equal(t, 3, value[int](f, "SELECT runs_success FROM sync_daily"))
}

// Whatever isolation the server was set to, a writer that waited sees what it
// waited for.
func TestTheServersIsolationDoesNotMatter(t *testing.T) {
	f := setup(t)
	f.exec(`DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = ''repeatable read''', current_database()); END $$`)
	store := f.open(db.Config{Worker: true})
	rs := rows(1, 50, nil)

	rec := f.record(task.Today)
	f.savePage(rec, 0, rs, task.StateCounts{})
	tx := f.begin()
	_, err := tx.Exec(f.ctx, "SELECT require_running($1)", rec.ID)
	require.NoError(t, err)
	var closed task.Record
	closing := async(func() (err error) { closed, err = store.CloseRecord(f.ctx, f.closing(rec)); return err })
	f.waiting(1)
	_, err = tx.Exec(f.ctx, `INSERT INTO sync_batches (record_id, page_seq, no, tasks, tasks_new, tasks_updated, tasks_unchanged,
		tasks_matched, tasks_pending, tasks_failed, tasks_idle, tasks_unstored, packages_version)
		VALUES ($1, 0, 0, 50, 50, 0, 0, 50, 0, 0, 0, 0, 1)`, rec.ID)
	require.NoError(t, err)
	require.NoError(t, tx.Commit(f.ctx))
	require.NoError(t, closing())
	require.Equal(t, task.Success, closed.Status, "the batch that closing waited for counts")

	rec = f.record(task.Today)
	f.savePage(rec, 0, rs, task.StateCounts{})
	for _, isNew := range []bool{true, false} {
		tx = f.begin()
		_, err = tx.Exec(f.ctx, "SELECT pg_advisory_xact_lock(record_lock($1))", rec.ID)
		require.NoError(t, err)
		saving := async(func() error {
			b := batch(rec, 0, 0, rs)
			b.New = isNew
			_, err := store.SaveBatch(f.ctx, b)
			return err
		})
		f.waiting(1)
		_, err = tx.Exec(f.ctx, "UPDATE sync_records SET status = 'failed', end_time = now() WHERE id = $1", rec.ID)
		require.NoError(t, err)
		require.NoError(t, tx.Commit(f.ctx))
		requireCode(t, saving(), task.CodeRecordClosed)
		_, err = f.ReopenRecord(f.ctx, rec.ID)
		require.NoError(t, err)
	}
}

// A newer answer comes while a batch is on its way: the row keeps it, and
// counts with the match and the error that it has.
func TestNewerAnswerThatComesMeanwhile(t *testing.T) {
	f := setup(t)
	rec := f.record(task.Today)
	rs := rows(1, 2, nil)
	f.savePage(rec, 0, rs, task.StateCounts{})
	tx := f.begin()
	_, err := tx.Exec(f.ctx, `INSERT INTO tasks (id, name, package_ref, state, total, called, connected, succeeded, source_created_at, content_hash,
		fetched_at, match_state, match_layer, match_reason, norm_version)
		VALUES ($1, 'n', '', '', 0, 0, 0, 0, $2, '\x00', $3, 'failed', 1, '数据包已停用', 1)`, rs[0].Task.ID, start, start.Add(time.Minute))
	require.NoError(t, err)
	saving := async(func() error { _, err := f.SaveBatch(f.ctx, batch(rec, 0, 0, rs)); return err })
	f.waiting(1)
	require.NoError(t, tx.Commit(f.ctx))
	require.NoError(t, saving())
	closed := f.close(rec)
	require.Equal(t, task.Counts{Total: 2, New: 1, Updated: 1, Unchanged: 1, Matched: 1, Failed: 1, Fetched: 2}, closed.Counts)
	require.Equal(t, []task.ErrorDetail{{TaskID: rs[0].Task.ID, TaskName: "n", Error: "数据包已停用"}}, closed.ErrorDetails)
}

func TestARecordThatIsReopenedIsNotDeleted(t *testing.T) {
	f := setup(t)
	rec := f.record(task.Today)
	f.close(rec)
	f.exec("UPDATE sync_records SET created_at = now() - interval '31 days'")
	tx := f.begin()
	_, err := tx.Exec(f.ctx, "UPDATE sync_records SET status = 'running', end_time = NULL")
	require.NoError(t, err)
	deleted := -1
	deleting := async(func() (err error) {
		deleted, err = f.DeleteOldRecords(f.ctx, time.Now().Add(-30*24*time.Hour), 10)
		return err
	})
	f.waiting(1)
	require.NoError(t, tx.Commit(f.ctx))
	require.NoError(t, deleting())
	require.Zero(t, deleted)
}

func TestWhatIsMissingGoesByTheNewerAnswer(t *testing.T) {
	f := setup(t)
	first := f.record(task.Today)
	f.store(first, 0, rows(1, 100, nil), task.StateCounts{})
	f.close(first)
	page := func(asked time.Time, rs []task.Row) (task.Record, task.Batch) {
		rec := f.record(task.Today)
		claim := task.Claim{RecordID: rec.ID, FetchedAt: asked, Unchanged: task.StateCounts{Matched: 100}}
		for _, r := range append(rows(1, 100, nil), rs...) {
			claim.IDs = append(claim.IDs, r.Task.ID)
		}
		claim.Fetched, claim.PassDistinct = len(claim.IDs), len(claim.IDs)
		if len(rs) > 0 {
			claim.Batches = [][]task.Row{rs}
		}
		_, err := f.SavePage(f.ctx, claim)
		require.NoError(t, err)
		b := batch(rec, 0, 0, rs)
		b.FetchedAt = asked
		return rec, b
	}
	missing := func() []string {
		return value[[]string](f, "SELECT coalesce(array_agg(id ORDER BY id), '{}') FROM tasks WHERE missing_at IS NOT NULL")
	}
	reading, _ := page(start.Add(time.Minute), nil)
	newer, b := page(start.Add(2*time.Minute), rows(101, 101, nil))
	_, err := f.SaveBatch(f.ctx, b)
	require.NoError(t, err)
	f.close(newer)
	f.close(reading)
	require.Empty(t, missing(), "task 101 came after the reading that closed last")

	older, b := page(start.Add(150*time.Second), rows(101, 101, func(_ int, r *task.Row) { r.Task.Called = 99 }))
	without, _ := page(start.Add(3*time.Minute), nil)
	f.close(without)
	require.Equal(t, []string{"0000101"}, missing())
	_, err = f.SaveBatch(f.ctx, b)
	require.NoError(t, err)
	require.Equal(t, []string{"0000101"}, missing(), "an older answer does not bring it back")
	f.close(older)
}

func TestPagesThatTheDatabaseForgot(t *testing.T) {
	f := setup(t)
	rec := f.record(task.Today)
	f.store(rec, 0, rows(1, 50, nil), task.StateCounts{})
	c := f.closing(rec)
	c.Pages = 2
	closed, err := f.CloseRecord(f.ctx, c)
	require.NoError(t, err)
	require.Equal(t, task.Partial, closed.Status)
	require.Contains(t, closed.ErrorMessage, "1 页")
}

func TestNoTextKeepsARecordFromClosing(t *testing.T) {
	f := setup(t)
	rec := f.record(task.Today)
	c := f.closing(rec)
	c.Status, c.ErrorType, c.ErrorMessage = task.Failed, task.CodeTerminated, "被终止：a\x00b\xff"
	c.Attempts = []task.Attempt{{Step: "fetch:0", Attempt: 1, Kind: task.AttemptSource, Code: task.CodeSourceUnavailable, Error: "\x00\xff", At: start}}
	closed, err := f.CloseRecord(f.ctx, c)
	require.NoError(t, err)
	require.Equal(t, "被终止：a�b�", closed.ErrorMessage)
	attempts, err := f.Attempts(f.ctx, rec.ID)
	require.NoError(t, err)
	require.Equal(t, "��", attempts[0].Error)
}

// A batch that is given up while it waits leaves no broken connection behind,
// and whether it was committed all the same or not, it counts once.
func TestABatchThatIsGivenUp(t *testing.T) {
	f := setup(t)
	store := f.open(db.Config{Worker: true, MaxConns: 1})
	rec := f.record(task.Today)
	rs := rows(1, 50, nil)
	f.savePage(rec, 0, rs, task.StateCounts{})
	b := batch(rec, 0, 0, rs)
	for _, isNew := range []bool{true, false} {
		b.New = isNew
		tx := f.begin()
		_, err := tx.Exec(f.ctx, "SELECT pg_advisory_xact_lock(record_lock($1))", rec.ID)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(f.ctx)
		saving := async(func() error { _, err := store.SaveBatch(ctx, b); return err })
		f.waiting(1)
		cancel()
		require.ErrorIs(t, saving(), context.Canceled)
		require.NoError(t, tx.Commit(f.ctx))
		_, err = store.SaveBatch(f.ctx, b)
		require.NoError(t, err, "the pool's only connection works")
	}
	require.Equal(t, task.Counts{Total: 50, New: 50, Matched: 50, Fetched: 50}, f.close(rec).Counts)
	require.Equal(t, 1, value[int](f, "SELECT max(revision) FROM tasks"))
}

func TestNothingIsLookedForWhereNoAnswerIsNewer(t *testing.T) {
	f := setup(t)
	f.exec(`CREATE OR REPLACE FUNCTION tasks_now(ids text[]) RETURNS SETOF tasks LANGUAGE plpgsql ROWS 1 AS $$
		BEGIN RAISE EXCEPTION 'looked for %', ids; END $$`)
	rec := f.record(task.Today)
	f.store(rec, 0, rows(1, 50, nil), task.StateCounts{})
	require.Equal(t, task.Counts{Total: 50, New: 50, Matched: 50, Fetched: 50}, f.close(rec).Counts)
}

// Closing marks what is gone in another order than batches write.
func TestAClosingThatADeadlockEndsIsDoneAgain(t *testing.T) {
	f := setup(t)
	f.exec(`DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET deadlock_timeout = ''3s''', current_database()); END $$`)
	f.exec("SET deadlock_timeout = '1min'")
	store := f.open(db.Config{Worker: true})
	rs := rows(1, 20, func(i int, r *task.Row) { r.Task.CreatedAt = start.Add(-time.Hour - time.Duration(i)*time.Second) })
	first := f.record(task.Today)
	f.store(first, 0, rs, task.StateCounts{})
	f.close(first)
	rec := f.record(task.Today)
	claim := task.Claim{RecordID: rec.ID, FetchedAt: start, Fetched: 18, PassDistinct: 18, Unchanged: task.StateCounts{Matched: 18}}
	for _, r := range rs[2:] {
		claim.IDs = append(claim.IDs, r.Task.ID)
	}
	_, err := f.SavePage(f.ctx, claim)
	require.NoError(t, err)
	tx := f.begin()
	write := func(r task.Row) {
		_, err := tx.Exec(f.ctx, "UPDATE tasks SET called = 99 WHERE id = $1", r.Task.ID)
		require.NoError(t, err)
	}
	write(rs[0])
	closing := async(func() error { _, err := store.CloseRecord(f.ctx, f.closing(rec)); return err })
	f.waiting(1)
	write(rs[1])
	require.NoError(t, tx.Commit(f.ctx))
	require.NoError(t, closing())
	require.Equal(t, 2, value[int](f, "SELECT count(*) FROM tasks WHERE missing_at IS NOT NULL"))
}
