package e2e_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"tasksync/internal/systest"
	"tasksync/task"
)

func TestRunGoesOnWhenItsCallerGoesAway(t *testing.T) {
	t.Parallel()
	s := systest.Start(t)
	s.SetFaults(`{"latency":"2s"}`)
	ctx, hangUp := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() {
		_, err := s.Try(ctx, http.MethodPost, s.APIURL+"/api/sync/today/manual", "")
		gone <- err
	}()
	rec := s.WaitRunning(task.Today)
	hangUp()
	require.ErrorIs(t, <-gone, context.Canceled)
	done := s.WaitRecord(rec.ID)
	require.Contains(t, []task.Status{task.Success, task.Partial}, done.Status)
	requireTruth(t, s, done)
}

func TestCallerNeedNotWait(t *testing.T) {
	t.Parallel()
	s := systest.Start(t)
	s.SetFaults(`{"latency":"2s"}`)
	a := s.Post("/api/sync/today/manual?wait=false")
	requireAccepted(t, s, a)
	short := s.StartAPI("TASKSYNC_MANUAL_WAIT=200ms")
	s.APIURL = short.URL()
	requireAccepted(t, s, s.Manual(task.Historical))
}

// requireAccepted holds an answer to 202 and the run to go on to its end.
func requireAccepted(t *testing.T, s *systest.System, a systest.Answer) {
	t.Helper()
	require.Equal(t, http.StatusAccepted, a.Status, a.Text)
	require.Equal(t, true, a.At("success"))
	require.Equal(t, "running", a.Str("status"))
	require.Nil(t, a.At("summary"))
	rec := s.WaitRecord(int64(a.Int("record_id")))
	require.Contains(t, []task.Status{task.Success, task.Partial}, rec.Status)
}

func TestCanceledRunKeepsItsBatches(t *testing.T) {
	t.Parallel()
	s := bigSystem(t)
	waiting := call(t, s, "/api/sync/historical/manual")
	id := s.WaitRunning(task.Historical).ID
	batches := waitMiddle(t, s, id)
	cancel := s.Post("/api/sync/historical/cancel")
	require.Equal(t, http.StatusOK, cancel.Status, cancel.Text)

	a := waiting.wait()
	require.Equal(t, http.StatusConflict, a.Status, a.Text)
	require.Equal(t, "canceled", a.Str("error_type"))
	require.Equal(t, id, int64(a.Int("record_id")))
	rec := s.Record(id)
	require.Equal(t, task.Canceled, rec.Status)
	require.Equal(t, task.CodeCanceled, rec.ErrorType)
	requireSums(t, rec)
	require.Less(t, rec.Counts.Total, allTasks)
	require.GreaterOrEqual(t, systest.Value[int](s, "SELECT count(*) FROM sync_batches WHERE record_id = $1", id), batches)
	require.Equal(t, rec.Counts.New, systest.Value[int](s, "SELECT count(*) FROM tasks"), "committed batches stay and are counted")
	require.Equal(t, rec.Counts.Total, a.Int("summary.total"))
	require.Equal(t, http.StatusNotFound, s.Post("/api/sync/historical/cancel").Status, "nothing runs any more")

	s.SetFaults(`{}`)
	again := s.Manual(task.Historical)
	require.Equal(t, http.StatusOK, again.Status, again.Text)
	require.Equal(t, allTasks, again.Int("summary.total"))
	require.Equal(t, allTasks-rec.Counts.New, again.Int("summary.new"), "the next run adds what was missing")
}
