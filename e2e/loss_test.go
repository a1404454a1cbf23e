package e2e_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tasksync/internal/systest"
	"tasksync/task"
	"tasksync/workflows"
)

// loss is what is taken from a run that stands at a step, and how it is given
// back.
type loss func(s *systest.System, held *systest.Held)

// some are the steps of the short form; the long one takes them all.
func some(steps ...systest.Step) []systest.Step {
	if long {
		return systest.Steps
	}
	return steps
}

// survives holds a run at each of the steps, takes something from it, and
// requires that it ends by itself with every task once and no retry counted.
func survives(t *testing.T, s *systest.System, steps []systest.Step, lose loss) {
	t.Helper()
	for _, step := range steps {
		t.Logf("step %s", step)
		_, err := s.SQL.Exec(t.Context(), "TRUNCATE tasks")
		require.NoError(t, err)
		s.WaitReady()
		held := s.Hold(step)
		id := start(t, s, task.Historical)
		held.Wait()
		lose(s, held)
		requireExact(t, s, s.WaitRecord(id))
	}
	require.Equal(t, len(steps), systest.Value[int](s, "SELECT count(*) FROM sync_records"), "no record beside those of the runs")
}

// requireExact holds a finished first run of a window to the truth, whatever
// was lost on its way.
func requireExact(t *testing.T, s *systest.System, rec task.Record) {
	t.Helper()
	require.Contains(t, []task.Status{task.Success, task.Partial}, rec.Status, rec.ErrorMessage)
	require.Empty(t, rec.ErrorType)
	requireSums(t, rec)
	requireTruth(t, s, rec)
	total := len(s.Truth(rec.Window))
	require.Equal(t, total, rec.Counts.Total)
	require.Equal(t, total, rec.Counts.New)
	require.Equal(t, total, *rec.SourceTotal)
	require.Zero(t, rec.RetryCount, "a loss of our own is no retry")
	require.Equal(t, total, systest.Value[int](s, "SELECT count(*) FROM tasks WHERE revision = 1"), "each was written once")
	require.Equal(t, total, systest.Value[int](s, "SELECT sum(tasks)::int FROM sync_batches WHERE record_id = $1", rec.ID))
	require.Zero(t, systest.Value[int](s, "SELECT count(*) FROM sync_attempts WHERE record_id = $1 AND kind <> 'infrastructure'", rec.ID))
	for state, want := range map[string]int{"matched": rec.Counts.Matched, "pending": rec.Counts.Pending, "failed": rec.Counts.Failed} {
		require.Equal(t, want, systest.Value[int](s, "SELECT count(*) FROM tasks WHERE match_state = $1", state), state)
	}
	_, err := s.Temporal.DescribeWorkflow(t.Context(), workflows.SyncWorkflowID(rec.Type), "")
	require.NoError(t, err)
}

// The worker dies and its database connections with it: what it was about to
// commit is undone.
func TestOnlyWorkerIsKilledBeforeItCommits(t *testing.T) {
	t.Parallel()
	s := systest.Start(t)
	survives(t, s, some(systest.Fetch, systest.Upsert), func(s *systest.System, held *systest.Held) {
		s.Worker().Kill9()
		held.Cut()
		held.Release()
		s.StartWorker()
	})
}

// PostgreSQL finishes a statement whose client is gone: it is committed, and
// nobody heard of it.
func TestOnlyWorkerIsKilledBeforeItHearsOfTheCommit(t *testing.T) {
	t.Parallel()
	s := systest.Start(t)
	survives(t, s, some(systest.Open, systest.Upsert, systest.Close), func(s *systest.System, held *systest.Held) {
		s.Worker().Kill9()
		held.Release()
		s.StartWorker()
	})
}

func TestBusyWorkerOfTwoIsKilled(t *testing.T) {
	t.Parallel()
	s := systest.Start(t)
	s.StartWorker()
	survives(t, s, some(systest.Match, systest.Close), func(s *systest.System, held *systest.Held) {
		s.WorkerOf(workflows.SyncWorkflowID(task.Historical)).Kill9()
		held.Release()
		s.StartWorker()
	})
}

func TestDatabaseIsKilledAtEachStep(t *testing.T) {
	t.Parallel()
	s := systest.Start(t, systest.WithOwnPostgres(nil))
	survives(t, s, systest.Steps, func(s *systest.System, held *systest.Held) {
		s.RestartPostgres(func() {})
		held.Release()
	})
}

func TestTemporalIsKilledAtEachStep(t *testing.T) {
	t.Parallel()
	s := systest.Start(t, systest.WithOwnTemporal())
	survives(t, s, some(systest.Open, systest.Upsert, systest.Close), func(s *systest.System, held *systest.Held) {
		s.Server.Kill9()
		held.Release()
		s.Server.Restart()
	})
}

// The guide's promise for an outage: the run waits and goes on, and nothing is
// counted as a retry of the source.
func TestDatabaseIsAwayForLong(t *testing.T) {
	t.Parallel()
	away := 5 * time.Second
	if long {
		away = 2 * time.Minute
	}
	s := systest.Start(t, systest.WithOwnPostgres(nil))
	survives(t, s, []systest.Step{systest.Upsert}, func(s *systest.System, held *systest.Held) {
		s.RestartPostgres(func() {
			requireUnavailable(t, s, "database_unavailable", "/api/sync/records", "/api/sync/status")
			time.Sleep(away)
		})
		held.Release()
	})
	require.Positive(t, systest.Value[int](s, `SELECT count(*) FROM sync_attempts
		WHERE kind = 'infrastructure' AND error_type = 'database_unavailable' AND outcome = 'retried'`), "people can see the outage")
}

// PostgreSQL is killed in the middle of storing, again and again: what it had
// not on disk yet is stored once more, and what it had is not.
func TestDatabaseIsKilledAgainAndAgain(t *testing.T) {
	t.Parallel()
	const perDay, kills = 2000, 3
	s := systest.Start(t, systest.WithTasksPerDay(perDay), systest.WithOwnPostgres(nil),
		systest.WithEnv(systest.Worker, "TASKSYNC_PAGE_SIZE=100"))
	s.FreezeClock(time.Now())
	s.SetFaults(`{"latency":"50ms"}`)
	id := start(t, s, task.Historical)
	for kill := range kills {
		// A fifth of the tasks, two fifths, three fifths.
		s.Eventually("more stored tasks", func() bool {
			return systest.Value[int](s, "SELECT count(*) FROM tasks") >= (kill+1)*3*perDay/5
		})
		require.Equal(t, task.Running, s.Record(id).Status)
		s.RestartPostgres(func() {})
	}
	s.SetFaults(`{}`)
	requireExact(t, s, s.WaitRecord(id))
}
