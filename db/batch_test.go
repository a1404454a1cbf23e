package db_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tasksync/db"
	"tasksync/task"
)

func TestBatchTellsNewFromUpdated(t *testing.T) {
	f := setup(t)
	first := f.record(task.Today)
	f.store(first, 0, rows(1, 60, nil), task.StateCounts{})
	require.Equal(t, task.Counts{Total: 60, New: 60, Matched: 60, Fetched: 60}, f.close(first).Counts)

	second := f.record(task.Today)
	f.store(second, 0, rows(51, 70, func(_ int, r *task.Row) { r.Task.Called = 20 }), task.StateCounts{Matched: 50})
	require.Equal(t, task.Counts{Total: 70, New: 10, Updated: 60, Unchanged: 50, Matched: 70, Fetched: 70}, f.close(second).Counts)
	require.Equal(t, 2, value[int](f, "SELECT revision FROM tasks WHERE id = '0000051'"))
	require.Equal(t, 1, value[int](f, "SELECT revision FROM tasks WHERE id = '0000050'"))
}

func TestBatchIsCommittedOnce(t *testing.T) {
	f := setup(t)
	rec := f.record(task.Today)
	rs := rows(1, 50, nil)
	f.savePage(rec, 0, rs, task.StateCounts{})
	var executors sync.WaitGroup
	for range 8 {
		executors.Go(func() {
			b := batch(rec, 0, 0, rs)
			b.New = true
			_, err := f.SaveBatch(f.ctx, b)
			require.NoError(t, err)
		})
	}
	executors.Wait()
	require.Equal(t, task.Counts{Total: 50, New: 50, Matched: 50, Fetched: 50}, f.close(rec).Counts)
	require.Equal(t, 1, value[int](f, "SELECT max(revision) FROM tasks"), "no executor wrote behind the first")
}

func TestTwoRunsOverTheSameTasksDoNotDeadlock(t *testing.T) {
	f := setup(t)
	var runs sync.WaitGroup
	for _, kind := range task.SyncTypes {
		rec := f.record(kind)
		rs := rows(1, 1000, func(i int, r *task.Row) { r.Task.State = string(kind) })
		f.savePage(rec, 0, rs, task.StateCounts{})
		for no := range 20 {
			runs.Go(func() {
				b := batch(rec, 0, no, rs[no*50:no*50+50])
				b.New = true
				_, err := f.SaveBatch(f.ctx, b)
				require.NoError(t, err)
			})
		}
	}
	runs.Wait()
	require.Equal(t, 2000, value[int](f, "SELECT sum(tasks) FROM sync_batches"))
	require.Zero(t, value[int](f, "SELECT sum(tasks_unstored) FROM sync_batches"))
}

func TestABatchThatIsNotAsNewAsItSeemed(t *testing.T) {
	f := setup(t)
	first, second := f.record(task.Today), f.record(task.Today)
	rs := rows(1, 50, nil)
	f.savePage(second, 0, rs, task.StateCounts{})
	// Another run stores some of them after the second one looked.
	f.store(first, 0, rows(41, 60, nil), task.StateCounts{})
	b := batch(second, 0, 0, rs)
	b.New = true
	_, err := f.SaveBatch(f.ctx, b)
	require.NoError(t, err)
	require.Equal(t, task.Counts{Total: 50, New: 40, Updated: 10, Matched: 50, Fetched: 50}, f.close(second).Counts)
	require.Equal(t, 60, value[int](f, "SELECT count(*) FROM tasks"))
}

func TestOlderAnswerNeverOverwritesANewerOne(t *testing.T) {
	f := setup(t)
	newer, older := f.record(task.Today), f.record(task.Today)
	f.store(newer, 0, rows(1, 2, func(_ int, r *task.Row) { r.Task.Called = 99 }), task.StateCounts{})
	f.savePage(older, 0, rows(1, 3, nil), task.StateCounts{})
	b := batch(older, 0, 0, rows(1, 3, func(i int, r *task.Row) {
		r.Match = task.Match{State: task.Pending}
		if i == 1 {
			r.Match = task.Match{State: task.MatchFailed, Layer: task.LayerPrefix, Reason: "数据包已停用"}
		}
	}))
	b.FetchedAt = start.Add(-time.Minute)
	_, err := f.SaveBatch(f.ctx, b)
	require.NoError(t, err)
	require.Equal(t, 99, value[int](f, "SELECT called FROM tasks WHERE id = '0000001'"))
	closed := f.close(older)
	require.Equal(t,
		task.Counts{Total: 3, New: 1, Updated: 2, Unchanged: 2, Matched: 2, Pending: 1, Fetched: 3}, closed.Counts,
		"the rows that were kept count with the match that they have")
	require.Empty(t, closed.ErrorDetails, "and no error of a match that was not written")
}

func TestOnlyTheRefusedRowsFail(t *testing.T) {
	f := setup(t)
	f.exec("ALTER TABLE tasks ADD CONSTRAINT no_bad_names CHECK (name NOT LIKE 'bad%')")
	rec := f.record(task.Today)
	rs := rows(1, 50, func(i int, r *task.Row) {
		if i == 7 || i == 9 {
			r.Task.Name = "bad name"
		}
	})
	f.savePage(rec, 0, rs, task.StateCounts{})
	b := batch(rec, 0, 0, rs)
	b.New = true
	_, err := f.SaveBatch(f.ctx, b)
	require.NoError(t, err)
	closed := f.close(rec)
	require.Equal(t, task.Counts{Total: 50, New: 48, Matched: 48, Failed: 2, Unstored: 2, Fetched: 50}, closed.Counts)
	require.Equal(t, task.Partial, closed.Status)
	require.Len(t, closed.ErrorDetails, 2)
	require.Equal(t, "0000007", closed.ErrorDetails[0].TaskID)
	require.Contains(t, closed.ErrorDetails[0].Error, "no_bad_names")
}

func TestABatchThatFailsAsAWholeFailsItsOwnTasks(t *testing.T) {
	f := setup(t)
	f.exec(`CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'broken trigger'; END $$`)
	f.exec(`CREATE TRIGGER broken BEFORE INSERT ON tasks FOR EACH ROW EXECUTE FUNCTION broken()`)
	rec := f.record(task.Today)
	rs := rows(1, 50, nil)
	f.savePage(rec, 0, rs, task.StateCounts{})
	_, err := f.SaveBatch(f.ctx, batch(rec, 0, 0, rs))
	require.NoError(t, err, "the run goes on")
	closed := f.close(rec)
	require.Equal(t, task.Counts{Total: 50, Failed: 50, Unstored: 50, Fetched: 50}, closed.Counts)
	require.Contains(t, closed.ErrorDetails[0].Error, "broken trigger")
}

func TestNothingIsWrittenForAClosedRecord(t *testing.T) {
	f := setup(t)
	rec := f.record(task.Today)
	rs := rows(1, 50, nil)
	f.savePage(rec, 0, rs, task.StateCounts{})
	require.Equal(t, task.Counts{Fetched: 50, Unprocessed: 50}, f.close(rec).Counts)

	_, err := f.SaveBatch(f.ctx, batch(rec, 0, 0, rs))
	requireCode(t, err, task.CodeRecordClosed)
	_, err = f.SavePage(f.ctx, task.Claim{RecordID: rec.ID, Seq: 1, FetchedAt: start})
	requireCode(t, err, task.CodeRecordClosed)
	requireCode(t, f.SaveMatches(f.ctx, rec.ID, 0, map[string]task.Match{}, 1), task.CodeRecordClosed)
	require.Zero(t, value[int](f, "SELECT count(*) FROM tasks"))
}

func TestMatchesOfTheSearchAreKeptOnce(t *testing.T) {
	f := setup(t)
	rec := f.record(task.Today)
	rs := rows(1, 50, nil)
	f.savePage(rec, 0, rs, task.StateCounts{})
	page, err := f.PageRows(f.ctx, rec.ID, 0)
	require.NoError(t, err)
	require.Len(t, page.Batches, 1)
	require.Equal(t, rs[0].Task.Hash(), page.Batches[0][0].Task.Hash(), "a row comes back as it went in")
	require.Nil(t, page.Matches)

	failed := task.Match{State: task.MatchFailed, Layer: task.LayerStructure, Reason: "数据包不存在"}
	require.NoError(t, f.SaveMatches(f.ctx, rec.ID, 0, map[string]task.Match{"0000001": failed}, 4))
	require.NoError(t, f.SaveMatches(f.ctx, rec.ID, 0, map[string]task.Match{"0000001": {State: task.Pending}}, 5), "a second executor")
	page, err = f.PageRows(f.ctx, rec.ID, 0)
	require.NoError(t, err)
	require.Equal(t, map[string]task.Match{"0000001": failed}, page.Matches, "the first writer wins")
	require.EqualValues(t, 4, page.MatchesVersion)

	rs[0].Match, rs[0].SearchedVersion = failed, 4
	_, err = f.SaveBatch(f.ctx, batch(rec, 0, 0, rs))
	require.NoError(t, err)
	closed := f.close(rec)
	require.Equal(t, task.Counts{Total: 50, New: 50, Matched: 49, Failed: 1, Fetched: 50}, closed.Counts)
	require.Equal(t, []task.ErrorDetail{{TaskID: "0000001", TaskName: rs[0].Task.Name, Error: "数据包不存在"}}, closed.ErrorDetails)
	require.Equal(t, 1, value[int](f, "SELECT count(*) FROM tasks WHERE match_version = 4"))
}

// The statements that look tasks up by key keep the index in a plan that was
// made while the table was empty: the trap is that such a plan scans the table
// for each batch once it is full.
func TestHotStatementsPreparedOnAnEmptyTableUseTheIndex(t *testing.T) {
	f := setup(t)
	store := f.open(db.Config{Worker: true, MaxConns: 1})
	rec := f.record(task.Today)
	do := func(no int) {
		rs := rows(no*50+1, no*50+50, func(_ int, r *task.Row) { r.Match = task.Match{State: task.Pending} })
		ids := make([]string, len(rs))
		for i := range rs {
			ids[i] = rs[i].Task.ID
		}
		_, err := store.StoredTasks(f.ctx, ids)
		require.NoError(t, err)
		_, err = store.SaveBatch(f.ctx, batch(rec, 0, no, rs))
		require.NoError(t, err)
	}
	// Six executions make the server keep a generic plan.
	for no := range 6 {
		do(no)
	}
	f.exec(`INSERT INTO tasks (id, name, package_ref, state, total, called, connected, succeeded, source_created_at, content_hash,
		fetched_at, match_state, match_layer, match_reason, norm_version)
		SELECT 'x' || i, 'n', '', '', 0, 0, 0, 0, now(), '\x00', now(), 'pending', 0, '', 1 FROM generate_series(1, 100000) i`)
	scans := func() int {
		f.exec("SELECT pg_stat_force_next_flush()")
		return value[int](f, "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'tasks'")
	}
	before := scans()
	for no := 6; no < 12; no++ {
		do(no)
	}
	f.Close()
	store.Close() // a connection's statistics are flushed when it ends
	require.Eventually(t, func() bool {
		return value[int](f, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tasksync' AND datname = current_database()") == 0
	}, 10*time.Second, 50*time.Millisecond)
	require.Equal(t, before, scans(), "a statement scanned the whole table")
}
