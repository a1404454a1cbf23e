package e2e_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"tasksync/internal/systest"
	"tasksync/task"
	"tasksync/workflows"
)

// endings are the ways to end a run from outside.
var endings = map[string]struct {
	end    func(t *testing.T, s *systest.System)
	status task.Status
	code   task.Code
}{
	"cancel": {
		func(t *testing.T, s *systest.System) {
			a := s.Post("/api/sync/historical/cancel")
			require.Equal(t, http.StatusOK, a.Status, a.Text)
		}, task.Canceled, task.CodeCanceled,
	},
	"terminate": {
		func(_ *testing.T, s *systest.System) {
			s.TemporalCLI("workflow", "terminate", "--workflow-id", "sync-historical", "--reason", "停")
		}, task.Failed, task.CodeTerminated,
	},
}

func TestRunIsEndedFromOutsideAtEachStep(t *testing.T) {
	t.Parallel()
	for name, way := range endings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := systest.Start(t, systest.WithEnv("", "TASKSYNC_HOUSEKEEPING=1s"))
			for _, step := range systest.Steps {
				t.Logf("step %s", step)
				_, err := s.SQL.Exec(t.Context(), "TRUNCATE tasks")
				require.NoError(t, err)
				held := s.Hold(step)
				id := start(t, s, task.Historical)
				held.Wait()
				way.end(t, s)
				held.Release()
				s.Eventually("the end of the run", func() bool {
					return systest.Value[int](s, "SELECT count(*) FROM sync_records WHERE status = 'running'") == 0 && !locked(t, s)
				})
				rec, err := s.Store.Record(t.Context(), id)
				switch {
				case task.CodeOf(err) == task.CodeNotFound:
					require.Equal(t, systest.Open, step, "only a run that ended before it was opened has no record")
				default:
					require.NoError(t, err)
					requireSums(t, rec)
					require.Equal(t, rec.Counts.New, systest.Value[int](s, "SELECT count(*) FROM tasks"), "what was committed is counted")
					if rec.Status != way.status {
						// The last batch was about to be committed, or the record to
						// be closed: the run was complete.
						require.Contains(t, []systest.Step{systest.Upsert, systest.Close}, step)
						require.Contains(t, []task.Status{task.Success, task.Partial}, rec.Status)
						require.Equal(t, len(s.Truth(rec.Window)), rec.Counts.Total)
						break
					}
					require.Equal(t, way.status, rec.Status, rec.ErrorMessage)
					require.Equal(t, way.code, rec.ErrorType)
				}
				stored := systest.Value[int](s, "SELECT count(*) FROM tasks")
				again := s.Manual(task.Historical)
				require.Equal(t, http.StatusOK, again.Status, again.Text)
				next := s.Record(int64(again.Int("record_id")))
				requireSums(t, next)
				requireTruth(t, s, next)
				require.Equal(t, next.Counts.Total-stored, next.Counts.New, "the next run adds what was missing")
			}
		})
	}
}

func locked(t *testing.T, s *systest.System) bool {
	t.Helper()
	a := s.Get("/api/sync/status")
	require.Equal(t, http.StatusOK, a.Status, a.Text)
	return a.At("data.historical.syncing") == true
}

func TestExecutionTimeoutEndsARun(t *testing.T) {
	t.Parallel()
	s := systest.Start(t, systest.WithEnv("", "TASKSYNC_HOUSEKEEPING=1s"))
	held := s.Hold(systest.Upsert)
	_, err := s.Temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
		ID: workflows.SyncWorkflowID(task.Historical), TaskQueue: workflows.TaskQueue, WorkflowExecutionTimeout: 3 * time.Second,
	}, workflows.SyncWorkflow, workflows.SyncInput{Type: task.Historical, Trigger: task.Auto, Actor: "test", LockTimeout: time.Hour})
	require.NoError(t, err)
	rec := s.WaitRecord(s.WaitRunning(task.Historical).ID)
	held.Release()
	require.Equal(t, task.Failed, rec.Status)
	require.Equal(t, task.CodeDeadline, rec.ErrorType)
	require.Contains(t, rec.ErrorMessage, "执行时限")
	requireSums(t, rec)
	require.Zero(t, rec.Counts.New)
	a := s.Manual(task.Historical)
	require.Equal(t, http.StatusOK, a.Status, a.Text)
	require.Zero(t, systest.Value[int](s, "SELECT count(*) FROM sync_batches WHERE record_id = $1", rec.ID),
		"what the dead run was about to commit was refused")
	requireExact(t, s, s.Record(int64(a.Int("record_id"))))
}

func reset(s *systest.System) {
	s.TemporalCLI("workflow", "reset", "--workflow-id", "sync-historical", "--type", "FirstWorkflowTask", "--reason", "重来")
}

func TestResetOfARunningRunGoesOn(t *testing.T) {
	t.Parallel()
	s := systest.Start(t)
	held := s.Hold(systest.Upsert)
	id := start(t, s, task.Historical)
	held.Wait()
	reset(s)
	held.Release()
	requireExact(t, s, s.WaitRecord(id))
	require.Equal(t, 1, systest.Value[int](s, "SELECT count(*) FROM sync_records"))
}

func TestResetAfterTheDeadlineGoesOn(t *testing.T) {
	t.Parallel()
	s := systest.Start(t, systest.WithEnv("", "TASKSYNC_LOCK_TIMEOUT=5s"))
	held := s.Hold(systest.Upsert)
	a := s.Manual(task.Historical)
	held.Release()
	require.Equal(t, http.StatusInternalServerError, a.Status, a.Text)
	require.Equal(t, "lock_timeout", a.Str("error_type"))
	rec := s.Record(int64(a.Int("record_id")))
	require.Equal(t, task.Failed, rec.Status)
	requireSums(t, rec)
	require.Zero(t, rec.Counts.New)
	require.False(t, locked(t, s), "the lock is free at once")

	reset(s)
	s.Eventually("the record to be open again or finished", func() bool { return s.Record(rec.ID).Status != task.Failed })
	requireExact(t, s, s.WaitRecord(rec.ID))
	require.Equal(t, 1, systest.Value[int](s, "SELECT count(*) FROM sync_records"))
}

// The windows of both types overlap where a historical slot is backfilled for
// tomorrow. Both write the same tasks at once, one from an older answer.
func TestBothTypesWriteTheSameTasksAtOnce(t *testing.T) {
	t.Parallel()
	const perDay = 2000
	s := systest.Start(t, systest.WithTasksPerDay(perDay), systest.WithEnv(systest.Worker, "TASKSYNC_PAGE_SIZE=100"))
	s.StartWorker()
	now := time.Now().In(systest.Zone)
	noon := time.Date(now.Year(), now.Month(), now.Day(), 23, 0, 0, 0, systest.Zone)
	s.FreezeClock(noon.Add(-time.Hour))
	for range 2 {
		_, err := s.Temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
			ID: workflows.SyncWorkflowID(task.Historical), TaskQueue: workflows.TaskQueue,
		}, workflows.SyncWorkflow, workflows.SyncInput{
			Type: task.Historical, Trigger: task.Auto, Actor: "test", LockTimeout: time.Hour, At: now.AddDate(0, 0, 1),
		})
		require.NoError(t, err)
		_, err = s.Temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
			ID: workflows.SyncWorkflowID(task.Today), TaskQueue: workflows.TaskQueue,
		}, workflows.SyncWorkflow, workflows.SyncInput{
			Type: task.Today, Trigger: task.Auto, Actor: "test", LockTimeout: time.Hour, At: noon,
		})
		require.NoError(t, err)
		var recs []task.Record
		for _, syncType := range task.SyncTypes {
			require.NoError(t, s.Temporal.GetWorkflow(t.Context(), workflows.SyncWorkflowID(syncType), "").Get(t.Context(), nil))
			latest, err := s.Store.Latest(t.Context())
			require.NoError(t, err)
			recs = append(recs, latest[syncType])
		}
		for _, rec := range recs {
			require.Contains(t, []task.Status{task.Success, task.Partial}, rec.Status, rec.ErrorMessage)
			require.Zero(t, rec.Counts.Unstored, "no deadlock fails a batch")
			require.Zero(t, rec.RetryCount)
			requireSums(t, rec)
			requireTruth(t, s, rec)
			require.Equal(t, len(s.Truth(rec.Window)), rec.Counts.Total)
		}
		require.Equal(t, systest.Value[int](s, "SELECT count(*) FROM tasks"),
			systest.Value[int](s, "SELECT sum(tasks_new)::int FROM sync_records"), "each task was new to one of them only")
		require.Zero(t, systest.Value[int](s, "SELECT count(*) FROM sync_attempts"))
		require.Zero(t, systest.Value[int](s, `SELECT count(*) FROM tasks t WHERE t.fetched_at < (
			SELECT max(p.fetched_at) FROM sync_pages p WHERE t.id = ANY(p.ids) AND p.rows = cardinality(p.ids))`),
			"the newest answer stays")
		// The tasks have changed when both come again.
		s.FreezeClock(noon)
	}
}
