package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tasksync/internal/systest"
	"tasksync/task"
)

// Not parallel: the burst wants the machine for itself.
func TestFiftyCallsAtOnceStartOneRun(t *testing.T) {
	s := systest.Start(t, systest.WithoutAPI())
	api := s.StartAPI()
	s.APIURL = api.URL()
	s.WaitReady()
	host, err := os.Hostname()
	require.NoError(t, err)
	holder := fmt.Sprintf("%s-%d", host, api.PID())
	s.SetFaults(`{"latency":"5s"}`)

	calls := make([]pending, 50)
	for i := range calls {
		calls[i] = call(t, s, "/api/sync/today/manual")
	}
	other := call(t, s, "/api/sync/historical/manual")
	s.Eventually("both types at once", func() bool {
		status := s.Get("/api/sync/status")
		return status.At("data.today.syncing") == true && status.At("data.historical.syncing") == true
	})
	require.Equal(t, holder, s.Get("/api/sync/status").Str("data.today.locked_by"))

	statuses := map[int]int{}
	for _, c := range calls {
		a := c.wait()
		statuses[a.Status]++
		if a.Status == http.StatusOK {
			continue
		}
		require.Equal(t, http.StatusConflict, a.Status, a.Text)
		require.Equal(t, false, a.At("success"))
		require.Equal(t, "lock_conflict", a.Str("error_type"))
		lines := strings.Split(a.Str("error"), "\n")
		require.Len(t, lines, 3)
		require.Equal(t, "同步任务正在进行中，请稍后再试", lines[0])
		require.Equal(t, "锁定者："+holder, lines[1])
		require.Regexp(t, `^锁定时间：\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$`, lines[2])
	}
	require.Equal(t, map[int]int{http.StatusOK: 1, http.StatusConflict: 49}, statuses)
	require.Equal(t, http.StatusOK, other.wait().Status)
	require.Equal(t, 1, systest.Value[int](s, "SELECT count(*) FROM sync_records WHERE sync_type = 'today'"))
	require.True(t, systest.Value[bool](s, `SELECT a.start_time < b.end_time AND b.start_time < a.end_time
		FROM sync_records a, sync_records b WHERE a.sync_type = 'today' AND b.sync_type = 'historical'`), "both ran at the same time")
	require.Equal(t, http.StatusOK, s.Manual(task.Today).Status, "the lock is free again")
}
