package e2e_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tasksync/internal/pgtest"
	"tasksync/internal/systest"
	"tasksync/task"
)

// A process that cannot start says once what is wrong and how to mend it.
func TestProcessesThatCannotStartSayWhy(t *testing.T) {
	t.Parallel()
	s := systest.Start(t, systest.WithoutWorker(), systest.WithoutAPI())
	taken := strings.TrimPrefix(s.SimURL, "http://")
	for name, tc := range map[string]struct {
		role, setting string
		says          []string
	}{
		"Temporal away":      {systest.Worker, "TEMPORAL_ADDRESS=127.0.0.1:1", []string{"连接不到 Temporal", "TEMPORAL_ADDRESS"}},
		"unknown namespace":  {systest.Worker, "TEMPORAL_NAMESPACE=nope", []string{"没有命名空间 nope", "temporal operator namespace create"}},
		"no source":          {systest.Worker, "GUANKE_BASE_URL=", []string{"GUANKE_BASE_URL", "GUANKE_API_SECRET"}},
		"no database":        {systest.API, "DATABASE_URL=", []string{"DATABASE_URL", "make run"}},
		"wrong database URL": {systest.API, "DATABASE_URL=mysql://root:hunter2@db/x", []string{"postgres://"}},
		"port taken":         {systest.API, "TASKSYNC_HTTP_ADDR=" + taken, []string{taken, "TASKSYNC_HTTP_ADDR"}},
		"sim's port taken":   {systest.Simulator, "TASKSYNC_SIM_ADDR=" + taken, []string{taken, "TASKSYNC_SIM_ADDR"}},
		"wrong setting":      {systest.Worker, "TASKSYNC_BATCH_SIZE=0", []string{"TASKSYNC_BATCH_SIZE", "1 到 1000"}},
	} {
		p := s.Launch(tc.role, []string{tc.role}, tc.setting)
		require.Equal(t, 1, p.ExitCode(), name)
		for _, part := range tc.says {
			require.Contains(t, p.Log(), part, name)
		}
		require.Equal(t, 1, strings.Count(p.Log(), "错误："), name)
		require.NotContains(t, p.Log(), "level=ERROR", "%s: returned, so not logged too", name)
		require.NotContains(t, p.Log(), "hunter2")
	}
}

func TestDatabaseThatIsNotMigratedIsSaidToBe(t *testing.T) {
	t.Parallel()
	s := systest.Start(t)
	empty := "DATABASE_URL=" + pgtest.New(t)
	s.APIURL = s.StartAPI(empty).URL()
	for _, a := range []systest.Answer{s.Manual(task.Today), s.Get("/api/sync/records"), s.Get("/readyz")} {
		require.Equal(t, http.StatusServiceUnavailable, a.Status, a.Text)
		require.Equal(t, "database_unavailable", a.Str("error_type"))
		require.Contains(t, a.Str("error"), "tasksync migrate")
	}
	r := systest.Command(t, []string{empty}, "package", "list")
	require.Equal(t, 1, r.ExitCode)
	require.Contains(t, r.Stderr, "tasksync migrate")
	require.Zero(t, systest.Command(t, []string{empty}, "migrate").ExitCode)
	require.Equal(t, http.StatusOK, s.Get("/readyz").Status, "without a restart")
}
