package systest_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tasksync/internal/systest"
	"tasksync/task"
)

func TestSystemRunsAndIsGoneAfterTheTest(t *testing.T) {
	t.Parallel()
	var s *systest.System
	var worker *systest.Proc
	t.Run("system", func(t *testing.T) {
		s = systest.Start(t)
		s.FreezeClock(time.Now())
		a := s.Manual(task.Historical)
		require.Equal(t, http.StatusOK, a.Status, a.Text)
		rec := s.WaitRecord(int64(a.Int("record_id")))
		require.Equal(t, a.Int("summary.total"), systest.Value[int](s, "SELECT count(*) FROM tasks"))
		require.Len(t, s.Truth(rec.Window), rec.Counts.Total)
		worker = s.Worker()
		require.Positive(t, worker.PID())
		require.Contains(t, s.MustRun("package", "list"), "编码")
		require.Contains(t, s.TemporalCLI("workflow", "list"), "SyncWorkflow")
	})
	select {
	case <-worker.Done():
	default:
		t.Fatal("the worker outlives its test")
	}
	_, err := s.Try(t.Context(), http.MethodGet, s.APIURL+"/healthz", "")
	require.Error(t, err)
}

func TestWorkerIsStoppedAndStarted(t *testing.T) {
	t.Parallel()
	s := systest.Start(t, systest.WithoutWorker(), systest.WithEnv(systest.Worker, "TASKSYNC_BATCH_SIZE=10"))
	s.StartWorker()
	s.WaitReady()
	s.StopWorker()
	require.Contains(t, strings.Join(s.Environ(systest.Worker), "\n"), "TASKSYNC_BATCH_SIZE=10")
	require.NotContains(t, strings.Join(s.Environ(systest.API), "\n"), "TASKSYNC_BATCH_SIZE=10")
	require.Equal(t, 1, systest.Command(t, nil, "migrate").ExitCode, "without a database")
}
