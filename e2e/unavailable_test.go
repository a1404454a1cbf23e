package e2e_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"

	"tasksync/internal/systest"
	"tasksync/task"
)

func TestWithoutAWorkerNothingIsStarted(t *testing.T) {
	t.Parallel()
	s := systest.Start(t, systest.WithoutWorker())
	for _, syncType := range task.SyncTypes {
		a := s.Manual(syncType)
		require.Equal(t, http.StatusServiceUnavailable, a.Status, a.Text)
		require.Equal(t, "worker_unavailable", a.Str("error_type"))
		require.Contains(t, a.Str("error"), "tasksync worker", "what to do about it")
	}
	started, err := s.Temporal.CountWorkflow(t.Context(), &workflowservice.CountWorkflowExecutionsRequest{Namespace: s.Namespace})
	require.NoError(t, err)
	require.Zero(t, started.GetCount())
	require.Zero(t, systest.Value[int](s, "SELECT count(*) FROM sync_records"))
	ready := s.Get("/readyz")
	require.Equal(t, http.StatusServiceUnavailable, ready.Status)
	require.Equal(t, []any{"worker_unavailable"}, ready.At("missing"))
	cli := s.Run("sync", "today")
	require.Equal(t, 1, cli.ExitCode)
	require.Contains(t, cli.Stderr, "没有 worker 在运行")

	s.StartWorker()
	s.WaitReady()
	require.Equal(t, http.StatusOK, s.Manual(task.Today).Status)
}

func TestWithoutItsDatabaseTheAPISaysSo(t *testing.T) {
	t.Parallel()
	s := systest.Start(t)
	away, err := url.Parse(s.DatabaseURL)
	require.NoError(t, err)
	away.Host = "127.0.0.1:1"
	s.APIURL = s.StartAPI("DATABASE_URL=" + away.String()).URL()
	requireUnavailable(t, s, "database_unavailable", "/api/sync/records", "/api/sync/records/1", "/api/sync/status")
	require.Zero(t, systest.Value[int](s, "SELECT count(*) FROM sync_records"), "nothing was started")
}

func TestWithoutTemporalTheAPISaysSo(t *testing.T) {
	t.Parallel()
	s := systest.Start(t)
	s.APIURL = s.StartAPI("TEMPORAL_ADDRESS=127.0.0.1:1").URL()
	requireUnavailable(t, s, "temporal_unavailable", "/api/sync/status")
	require.Equal(t, http.StatusOK, s.Get("/api/sync/records").Status, "records are there without Temporal")
}

// requireUnavailable holds a manual call and the paths to 503 with a code, and
// /readyz to naming it as the one thing that is missing.
func requireUnavailable(t *testing.T, s *systest.System, code string, paths ...string) {
	t.Helper()
	answers := []systest.Answer{s.Manual(task.Today)}
	for _, path := range paths {
		answers = append(answers, s.Get(path))
	}
	for _, a := range answers {
		require.Equal(t, http.StatusServiceUnavailable, a.Status, a.Text)
		require.Equal(t, false, a.At("success"))
		require.Equal(t, code, a.Str("error_type"))
		require.NotContains(t, a.Text, "127.0.0.1", "no internals")
	}
	ready := s.Get("/readyz")
	require.Equal(t, http.StatusServiceUnavailable, ready.Status)
	require.Equal(t, []any{code}, ready.At("missing"))
	require.Equal(t, http.StatusOK, s.Get("/healthz").Status)
}

func TestAddressesBeyondThisMachineAreRefused(t *testing.T) {
	t.Parallel()
	s := systest.Start(t, systest.WithoutWorker(), systest.WithoutAPI())
	for _, addr := range []string{"0.0.0.0:18080", ":18080", "[::]:18080", "192.0.2.1:18080"} {
		p := s.Launch(systest.API, []string{"api"}, "TASKSYNC_HTTP_ADDR="+addr)
		require.Equal(t, 1, p.ExitCode(), addr)
		require.Contains(t, p.Log(), "错误：拒绝监听")
		require.Contains(t, p.Log(), "127.0.0.1:18080", "what to write instead")
		p = s.Launch(systest.Simulator, []string{"simulate"}, "TASKSYNC_SIM_ADDR="+addr)
		require.Equal(t, 1, p.ExitCode(), addr)
		require.Contains(t, p.Log(), "模拟冠客只能监听本机地址")
	}
}
