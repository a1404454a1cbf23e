package e2e_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tasksync/internal/systest"
	"tasksync/task"
	"tasksync/workflows"
)

// allTasks are those of a history run where a day has killTasks.
const allTasks = 3 * killTasks

// bigSystem has thousands of historical tasks that are fetched in many pages, so that
// batches are committed while others are still to come.
func bigSystem(t *testing.T) *systest.System {
	s := systest.Start(t, systest.WithTasksPerDay(killTasks), systest.WithEnv(systest.Worker, "TASKSYNC_PAGE_SIZE=200"))
	s.FreezeClock(time.Now())
	s.SetFaults(`{"latency":"150ms"}`)
	return s
}

// waitMiddle waits until some, but not all batches of a record are committed.
func waitMiddle(t *testing.T, s *systest.System, id int64) int {
	t.Helper()
	var batches int
	s.Eventually("committed batches", func() bool {
		batches = systest.Value[int](s, "SELECT count(*) FROM sync_batches WHERE record_id = $1", id)
		return batches > 0
	})
	requireMiddle(t, s, id)
	return batches
}

func requireMiddle(t *testing.T, s *systest.System, id int64) {
	t.Helper()
	stored := systest.Value[int](s, "SELECT count(*) FROM tasks")
	require.Positive(t, stored)
	require.Less(t, stored, allTasks, "the run is in its middle")
	require.Equal(t, task.Running, s.Record(id).Status)
}

func requireNothingLostOrDoubled(t *testing.T, s *systest.System, rec task.Record) {
	t.Helper()
	require.Contains(t, []task.Status{task.Success, task.Partial}, rec.Status, rec.ErrorMessage)
	requireSums(t, rec)
	requireTruth(t, s, rec)
	require.Equal(t, allTasks, rec.Counts.Total)
	require.Equal(t, allTasks, rec.Counts.New)
	require.Equal(t, allTasks, *rec.SourceTotal)
	require.Zero(t, rec.RetryCount)
	require.Equal(t, allTasks, systest.Value[int](s, "SELECT count(*) FROM tasks WHERE revision = 1"), "each was written once")
	require.Equal(t, allTasks, systest.Value[int](s, "SELECT sum(tasks)::int FROM sync_batches WHERE record_id = $1", rec.ID))
	require.Zero(t, systest.Value[int](s, "SELECT count(*) FROM sync_attempts WHERE kind <> 'infrastructure'"))
	for _, state := range []struct {
		name string
		want int
	}{{"matched", rec.Counts.Matched}, {"pending", rec.Counts.Pending}, {"failed", rec.Counts.Failed}} {
		require.Equal(t, state.want, systest.Value[int](s, "SELECT count(*) FROM tasks WHERE match_state = $1", state.name), state.name)
	}
}

func TestKilledWorkersRunIsFinishedByTheNextWorker(t *testing.T) {
	t.Parallel()
	s := bigSystem(t)
	id := start(t, s, task.Historical)
	waitMiddle(t, s, id)
	s.Worker().Kill9()
	requireMiddle(t, s, id)
	s.StartWorker()
	requireNothingLostOrDoubled(t, s, s.WaitRecord(id))
	require.Equal(t, 1, systest.Value[int](s, "SELECT count(*) FROM sync_records"))
}

func TestKilledWorkersRunIsTakenOverByAnother(t *testing.T) {
	t.Parallel()
	s := bigSystem(t)
	workers := []*systest.Proc{s.Worker(), s.StartWorker()}
	id := start(t, s, task.Historical)
	waitMiddle(t, s, id)
	busy(t, s, workers).Kill9()
	requireMiddle(t, s, id)
	requireNothingLostOrDoubled(t, s, s.WaitRecord(id))
}

// busy is the worker that executes an activity of the run now.
func busy(t *testing.T, s *systest.System, workers []*systest.Proc) *systest.Proc {
	t.Helper()
	var found *systest.Proc
	s.Eventually("a worker with an activity", func() bool {
		desc, err := s.Temporal.DescribeWorkflowExecution(t.Context(), workflows.SyncWorkflowID(task.Historical), "")
		require.NoError(t, err)
		for _, activity := range desc.GetPendingActivities() {
			for _, w := range workers {
				if strings.HasSuffix(activity.GetLastWorkerIdentity(), "-"+strconv.Itoa(w.PID())) {
					found = w
				}
			}
		}
		return found != nil
	})
	return found
}
