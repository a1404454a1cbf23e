package e2e_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"tasksync/internal/systest"
	"tasksync/task"
)

func TestTerminatedRunIsClosedByHousekeeping(t *testing.T) {
	t.Parallel()
	s := systest.Start(t, systest.WithEnv("", "TASKSYNC_HOUSEKEEPING=2s"))
	s.SetFaults(`{"latency":"25s"}`)
	waiting := call(t, s, "/api/sync/today/manual")
	rec := s.WaitRunning(task.Today)
	terminate(s)

	closed := s.WaitRecord(rec.ID)
	requireTerminated(t, s, closed)
	a := waiting.wait()
	require.Equal(t, http.StatusInternalServerError, a.Status, a.Text)
	require.Equal(t, "terminated", a.Str("error_type"))
	require.Equal(t, rec.ID, int64(a.Int("record_id")))
	status := s.Get("/api/sync/status")
	require.Equal(t, false, status.At("data.today.syncing"))
	require.Equal(t, "failed", status.Str("data.today.last_sync.status"))
}

func TestNewRunStartsAtOnceAfterATerminatedOne(t *testing.T) {
	t.Parallel()
	s := systest.Start(t)
	s.SetFaults(`{"latency":"25s"}`)
	start(t, s, task.Today)
	rec := s.WaitRunning(task.Today)
	terminate(s)
	s.SetFaults(`{}`)
	a := s.Manual(task.Today)
	require.Equal(t, http.StatusOK, a.Status, a.Text)
	require.NotEqual(t, rec.ID, int64(a.Int("record_id")))
	requireTruth(t, s, s.Record(int64(a.Int("record_id"))))
	// Housekeeping comes only every 5 minutes here: the new run has closed the
	// old record, with the true reason too.
	requireTerminated(t, s, s.Record(rec.ID))
}

func terminate(s *systest.System) {
	s.TemporalCLI("workflow", "terminate", "--workflow-id", "sync-today", "--reason", "客户要求停止")
}

// requireTerminated holds a record to say why its run ended and who ended it.
func requireTerminated(t *testing.T, s *systest.System, rec task.Record) {
	t.Helper()
	require.Equal(t, task.Failed, rec.Status)
	require.Equal(t, task.CodeTerminated, rec.ErrorType)
	require.Contains(t, rec.ErrorMessage, "客户要求停止")
	events := s.Temporal.GetWorkflowHistory(t.Context(), rec.WorkflowID, rec.FirstRunID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT)
	event, err := events.Next()
	require.NoError(t, err)
	who := event.GetWorkflowExecutionTerminatedEventAttributes().GetIdentity()
	require.NotEmpty(t, who)
	require.Contains(t, rec.ErrorMessage, "操作者 "+who)
	require.NotNil(t, rec.EndTime)
	require.WithinDuration(t, event.GetEventTime().AsTime(), *rec.EndTime, time.Millisecond, "it ended when it was terminated")
}
