package e2e_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"

	commonpb "go.temporal.io/api/common/v1"

	"tasksync/internal/systest"
	"tasksync/task"
	"tasksync/workflows"
)

// A Temporal server that lost its data forgets the run, the schedules and the
// search attributes. The worker makes the latter two again, housekeeping closes
// the record, and a new run starts.
func TestTemporalLosesItsData(t *testing.T) {
	t.Parallel()
	s := systest.Start(t, systest.WithOwnTemporal(), systest.WithEnv("", "TASKSYNC_HOUSEKEEPING=2s"))
	held := s.Hold(systest.Upsert)
	id := start(t, s, task.Historical)
	held.Wait()
	s.Server.Kill9()
	s.Server.Lose()
	held.Release()
	s.Server.Restart()
	rec := s.WaitRecord(id)
	require.Equal(t, task.Failed, rec.Status)
	require.Equal(t, task.CodeTerminated, rec.ErrorType)
	require.Contains(t, rec.ErrorMessage, "Temporal 中已没有这次运行")
	requireSums(t, rec)
	require.Equal(t, rec.Counts.New, systest.Value[int](s, "SELECT count(*) FROM tasks"))
	s.WaitReady()
	a := s.Manual(task.Historical)
	require.Equal(t, http.StatusOK, a.Status, a.Text)
	requireTruth(t, s, s.Record(int64(a.Int("record_id"))))
	list := s.MustRun("schedule", "list")
	for _, want := range []string{"sync-historical", "sync-today", "housekeeping", "cleaning"} {
		require.Contains(t, list, want)
	}
	select {
	case <-s.Worker().Done():
		t.Fatal("the worker ended")
	default:
	}
}

// A worker whose namespace is gone cannot mend that: it ends and says why, so
// that whoever supervises it knows.
func TestNamespaceIsGone(t *testing.T) {
	t.Parallel()
	s := systest.Start(t, systest.WithLeaks())
	w := s.Worker()
	s.TemporalCLI("operator", "namespace", "delete", "--yes")
	require.Equal(t, 1, w.ExitCode(), w.Log())
	require.Contains(t, w.Log(), "amespace")
	again := s.Launch(systest.Worker, []string{"worker"})
	require.Equal(t, 1, again.ExitCode())
	require.Contains(t, again.Log(), "没有命名空间 "+s.Namespace)
	require.Equal(t, http.StatusServiceUnavailable, s.Manual(task.Today).Status)
	require.Equal(t, http.StatusServiceUnavailable, s.Get("/readyz").Status)
}

// The retention of a namespace may remove what a record was waiting for.
func TestHistoryOfARunningRecordIsGone(t *testing.T) {
	t.Parallel()
	s := systest.Start(t, systest.WithEnv("", "TASKSYNC_HOUSEKEEPING=24h"))
	held := s.Hold(systest.Upsert)
	id := start(t, s, task.Historical)
	held.Wait()
	forget(t, s)
	held.Release()
	s.TemporalCLI("schedule", "trigger", "--schedule-id", "housekeeping")
	rec := s.WaitRecord(id)
	require.Equal(t, task.Failed, rec.Status)
	require.Contains(t, rec.ErrorMessage, "Temporal 中已没有这次运行")
	requireSums(t, rec)
	a := s.Manual(task.Historical)
	require.Equal(t, http.StatusOK, a.Status, a.Text)
	requireTruth(t, s, s.Record(int64(a.Int("record_id"))))
}

// forget deletes the execution of the historical run with its history.
func forget(t *testing.T, s *systest.System) {
	t.Helper()
	_, err := s.Temporal.WorkflowService().DeleteWorkflowExecution(t.Context(), &workflowservice.DeleteWorkflowExecutionRequest{
		Namespace: s.Namespace, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: workflows.SyncWorkflowID(task.Historical)},
	})
	require.NoError(t, err)
	s.Eventually("the execution to be forgotten", func() bool {
		_, err := s.Temporal.DescribeWorkflowExecution(t.Context(), workflows.SyncWorkflowID(task.Historical), "")
		return err != nil && strings.Contains(err.Error(), "not found")
	})
}

// The database comes back from a backup that is older than a running run: its
// record is gone, and the sequence would give its id to another.
func TestDatabaseIsRestoredFromBeforeARunningRun(t *testing.T) {
	t.Parallel()
	s := systest.Start(t)
	old := s.Manual(task.Today)
	require.Equal(t, http.StatusOK, old.Status, old.Text)
	held := s.Hold(systest.Upsert)
	id := start(t, s, task.Historical)
	held.Wait()
	// What a restore leaves: the rows and the sequence of the backup.
	held.Cut()
	restore(t, s, id)
	held.Release()

	a := s.Manual(task.Today)
	require.Equal(t, http.StatusOK, a.Status, a.Text)
	require.Greater(t, int64(a.Int("record_id")), id, "the id of a run that Temporal knows is not given out again")
	today := s.Record(int64(a.Int("record_id")))
	requireSums(t, today)
	requireTruth(t, s, today)
	require.Equal(t, len(s.Truth(today.Window)), today.Counts.Total, "nothing of the other run is counted")

	err := s.Temporal.GetWorkflow(t.Context(), workflows.SyncWorkflowID(task.Historical), "").Get(t.Context(), nil)
	require.ErrorContains(t, err, "已不在数据库中")
	_, err = s.Store.Record(t.Context(), id)
	require.Equal(t, task.CodeNotFound, task.CodeOf(err))
	again := s.Manual(task.Historical)
	require.Equal(t, http.StatusOK, again.Status, again.Text)
	rec := s.Record(int64(again.Int("record_id")))
	requireSums(t, rec)
	requireTruth(t, s, rec)
}

// restore takes the database back to before the record.
func restore(t *testing.T, s *systest.System, id int64) {
	t.Helper()
	err := pgx.BeginFunc(t.Context(), s.SQL, func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), "DELETE FROM sync_records WHERE id >= $1", id); err != nil {
			return err
		}
		_, err := tx.Exec(t.Context(), "SELECT setval('sync_records_id_seq', $1)", id-1)
		return err
	})
	require.NoError(t, err)
}

// The backup holds the record of a run as running that has ended since.
func TestDatabaseIsRestoredFromTheMiddleOfARun(t *testing.T) {
	t.Parallel()
	s := systest.Start(t, systest.WithEnv("", "TASKSYNC_HOUSEKEEPING=2s"))
	held := s.Hold(systest.Upsert)
	id := start(t, s, task.Historical)
	held.Wait()
	_, err := s.SQL.Exec(t.Context(), `CREATE SCHEMA backup; CREATE TABLE backup.sync_records AS TABLE sync_records;
		CREATE TABLE backup.sync_pages AS TABLE sync_pages`)
	require.NoError(t, err)
	held.Release()
	require.NotEqual(t, task.Failed, s.WaitRecord(id).Status)
	columns := systest.Value[string](s, `SELECT string_agg(quote_ident(column_name), ',') FROM information_schema.columns
		WHERE table_schema = 'public' AND table_name = 'sync_records' AND is_generated = 'NEVER'`)
	_, err = s.SQL.Exec(t.Context(), `BEGIN; TRUNCATE tasks; DELETE FROM sync_records;
		INSERT INTO sync_records (`+columns+`) SELECT `+columns+` FROM backup.sync_records;
		INSERT INTO sync_pages SELECT * FROM backup.sync_pages; COMMIT`)
	require.NoError(t, err)
	rec := s.WaitRecord(id)
	require.Equal(t, task.Failed, rec.Status)
	require.Contains(t, rec.ErrorMessage, "数据库可能恢复到了较早的时间")
	requireSums(t, rec)
	require.Zero(t, rec.Counts.New)
	require.Equal(t, len(s.Truth(rec.Window)), rec.Counts.Unprocessed)
	a := s.Manual(task.Historical)
	require.Equal(t, http.StatusOK, a.Status, a.Text)
	requireExact(t, s, s.Record(int64(a.Int("record_id"))))
}
