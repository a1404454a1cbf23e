package e2e_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tasksync/internal/systest"
	"tasksync/task"
)

func TestStoppedWorkersRunIsFinishedByTheNextWorker(t *testing.T) {
	t.Parallel()
	s := bigSystem(t)
	id := start(t, s, task.Historical)
	waitMiddle(t, s, id)
	s.StopWorker()
	requireMiddle(t, s, id)
	s.StartWorker()
	requireNothingLostOrDoubled(t, s, s.WaitRecord(id))
}

// Losing every connection to PostgreSQL, again and again, is a loss of our own:
// the run goes on and no retry is counted.
func TestRunSurvivesTheLossOfItsDatabaseConnections(t *testing.T) {
	t.Parallel()
	s := bigSystem(t)
	id := start(t, s, task.Historical)
	waitMiddle(t, s, id)
	cut := 0
	for range 20 {
		cut += systest.Value[int](s, `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid() AND state IS NOT NULL`)
		time.Sleep(100 * time.Millisecond)
	}
	require.Positive(t, cut)
	requireNothingLostOrDoubled(t, s, s.WaitRecord(id))
}

func TestRunGoesOnWithoutTheAPIThatStartedIt(t *testing.T) {
	t.Parallel()
	s := systest.Start(t, systest.WithoutAPI())
	killed, stopped := s.StartAPI(), s.StartAPI()
	s.APIURL = killed.URL()
	s.WaitReady()
	s.SetFaults(`{"latency":"3s"}`)
	first := call(t, s, "/api/sync/today/manual")
	today := s.WaitRunning(task.Today)
	killed.Kill9()
	require.Zero(t, first.wait().Status, "the caller is cut off")

	s.APIURL = stopped.URL()
	second := call(t, s, "/api/sync/historical/manual")
	historical := s.WaitRunning(task.Historical)
	require.Zero(t, stopped.Stop(), "a stop is no failure")
	a := second.wait()
	require.Equal(t, http.StatusAccepted, a.Status, a.Text)
	require.Equal(t, historical.ID, int64(a.Int("record_id")), "a stopping API lets its callers go")

	for _, rec := range []task.Record{today, historical} {
		done := s.WaitRecord(rec.ID)
		require.Contains(t, []task.Status{task.Success, task.Partial}, done.Status)
		requireTruth(t, s, done)
	}
}
