package worker_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tasksync/guanke/sim"
	"tasksync/task"
	"tasksync/workflows"
)

func TestRunStoresWhatTheSourceHas(t *testing.T) {
	s := setup(t)
	s.sim.Freeze(time.Now())
	first := s.sync(task.Historical)
	require.Contains(t, []task.Status{task.Success, task.Partial}, first.Status)
	require.Equal(t, 84, first.Counts.Total, "three days of 28")
	require.Equal(t, 84, first.Counts.New)
	require.Equal(t, 84, *first.SourceTotal)
	require.Equal(t, 84, value[int](s, "SELECT count(*) FROM tasks"))
	require.Equal(t, first.Counts.Matched, value[int](s, "SELECT count(*) FROM tasks WHERE match_state = 'matched'"))
	require.Equal(t, first.Counts.Pending, value[int](s, "SELECT count(*) FROM tasks WHERE match_state = 'pending'"))
	require.Equal(t, first.Counts.Failed, value[int](s, "SELECT count(*) FROM tasks WHERE match_state = 'failed'"))
	require.Greater(t, first.Counts.Matched, 50, "most tasks match by themselves")
	require.Len(t, first.ErrorDetails, first.Counts.Failed)

	before := value[string](s, "SELECT string_agg(id || xmin::text, ',' ORDER BY id) FROM tasks")
	second := s.sync(task.Historical)
	require.Zero(t, second.Counts.New)
	require.Equal(t, 84, second.Counts.Updated)
	require.Equal(t, 84, second.Counts.Unchanged)
	require.Equal(t, first.Counts.Matched, second.Counts.Matched)
	require.Equal(t, first.Counts.Failed, second.Counts.Failed)
	require.ElementsMatch(t, first.ErrorDetails, second.ErrorDetails, "a task that stays failed says why each time")
	require.Equal(t, before, value[string](s, "SELECT string_agg(id || xmin::text, ',' ORDER BY id) FROM tasks"), "no row is rewritten")
}

func TestPackageThatComesLaterMatchesItsTasks(t *testing.T) {
	s := setup(t)
	s.sim.Freeze(time.Now())
	packages, _, err := s.store.Packages(s.ctx)
	require.NoError(t, err)
	_, err = s.sql.Exec(s.ctx, "DELETE FROM data_packages")
	require.NoError(t, err)
	none := s.sync(task.Historical)
	require.Zero(t, none.Counts.Matched)
	_, _, err = s.store.SavePackages(s.ctx, packages)
	require.NoError(t, err)
	all := s.sync(task.Historical)
	require.Greater(t, all.Counts.Matched, 50)
	require.Equal(t, 84, all.Counts.Updated)
}

func TestLock(t *testing.T) {
	s := setup(t)
	require.NoError(t, s.sim.SetFaults(sim.Faults{Latency: 2 * time.Second}))
	s.start(task.Today)
	_, err := s.runs.Start(s.ctx, task.StartRequest{Type: task.Today, Trigger: task.Manual, LockedBy: "host-2", Actor: "test"})
	require.Equal(t, task.CodeLockConflict, task.CodeOf(err))
	require.Regexp(t, `^同步任务正在进行中，请稍后再试\n锁定者：host-1\n锁定时间：\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$`, task.MessageOf(err))
	s.start(task.Historical)
	locks, err := s.runs.Locks(s.ctx)
	require.NoError(t, err)
	require.Len(t, locks, 2, "both types run at the same time")
	require.Equal(t, "host-1", locks[task.Today].By)
}

func TestScheduledSlot(t *testing.T) {
	s := setup(t)
	require.NoError(t, s.schedules.Ensure(s.ctx))
	require.NoError(t, s.schedules.Trigger(s.ctx, "sync-today"))
	rec := s.running(task.Today)
	require.Equal(t, task.Auto, rec.Trigger)
	require.Equal(t, "worker-1", rec.LockedBy)
	require.NoError(t, s.runs.Wait(s.ctx, task.Today, ""))
}

func TestSlotThatFindsTheLockTakenIsSkipped(t *testing.T) {
	s := setup(t)
	require.NoError(t, s.schedules.Ensure(s.ctx))
	require.NoError(t, s.sim.SetFaults(sim.Faults{Latency: 3 * time.Second}))
	s.start(task.Today)
	require.NoError(t, s.schedules.Trigger(s.ctx, "sync-today"))
	require.Eventually(t, func() bool {
		slots, err := s.temporal.CountWorkflow(s.ctx, countRequest("WorkflowType = 'ScheduledSync' AND SyncStatus = 'skipped'"))
		return err == nil && slots.GetCount() == 1
	}, 20*time.Second, 100*time.Millisecond, "the skipped slot is to be found by its search attribute")
	require.NoError(t, s.runs.Wait(s.ctx, task.Today, ""))
	require.Equal(t, 1, value[int](s, "SELECT count(*) FROM sync_records"), "a skipped slot has no record")
}

func TestCancel(t *testing.T) {
	s := setup(t)
	require.Equal(t, task.CodeNotFound, task.CodeOf(s.runs.Cancel(s.ctx, task.Today, "test")), "nothing runs")
	require.NoError(t, s.sim.SetFaults(sim.Faults{Latency: 20 * time.Second}))
	id := s.start(task.Today)
	s.running(task.Today)
	require.NoError(t, s.runs.Cancel(s.ctx, task.Today, "test"))
	require.NoError(t, s.runs.Wait(s.ctx, task.Today, ""))
	rec, err := s.store.Record(s.ctx, id)
	require.NoError(t, err)
	require.Equal(t, task.Canceled, rec.Status)
}

func TestTerminatedRunIsClosedWithTheTrueReason(t *testing.T) {
	s := setup(t)
	require.NoError(t, s.sim.SetFaults(sim.Faults{Latency: 20 * time.Second}))
	id := s.start(task.Today)
	s.running(task.Today)
	require.Equal(t, 0, s.housekeep().Closed, "a record whose run is alive stays")
	require.NoError(t, s.temporal.TerminateWorkflow(s.ctx, workflows.SyncWorkflowID(task.Today), "", "客户要求停止"))
	require.Equal(t, 1, s.housekeep().Closed)
	rec, err := s.store.Record(s.ctx, id)
	require.NoError(t, err)
	require.Equal(t, task.Failed, rec.Status)
	require.Equal(t, task.CodeTerminated, rec.ErrorType)
	require.Contains(t, rec.ErrorMessage, "客户要求停止")
	require.NoError(t, s.sim.SetFaults(sim.Faults{}))
	require.Equal(t, 0, s.sync(task.Today).RetryCount, "a new run starts at once")
}

func TestResetGoesOnWithTheSameRecord(t *testing.T) {
	s := setup(t)
	s.sim.Freeze(time.Now())
	first := s.sync(task.Historical)
	reset(s, workflows.SyncWorkflowID(task.Historical))
	require.NoError(t, s.runs.Wait(s.ctx, task.Historical, ""))
	again, err := s.store.Record(s.ctx, first.ID)
	require.NoError(t, err)
	require.Equal(t, first.Counts, again.Counts, "a reset counts nothing twice")
	require.Equal(t, first.Status, again.Status)
	require.True(t, again.UpdatedAt.After(first.UpdatedAt), "the reset run closed the record again")
	require.Equal(t, 1, value[int](s, "SELECT count(*) FROM sync_records"))
	require.Zero(t, s.housekeep().Running)
}

func TestResetOfAnOldRunEndsTheNewerOne(t *testing.T) {
	s := setup(t)
	s.sim.Freeze(time.Now())
	first := s.sync(task.Historical)
	desc, err := s.temporal.DescribeWorkflow(s.ctx, workflows.SyncWorkflowID(task.Historical), "")
	require.NoError(t, err)
	require.NoError(t, s.sim.SetFaults(sim.Faults{Latency: 20 * time.Second}))
	newer := s.start(task.Historical)
	s.running(task.Historical)
	require.Eventually(t, func() bool { return s.sim.Stats().Faulted > 0 }, 20*time.Second, 20*time.Millisecond, "it waits for the source")
	require.NoError(t, s.sim.SetFaults(sim.Faults{}))
	resetRun(s, workflows.SyncWorkflowID(task.Historical), desc.WorkflowExecution.RunID, true)
	require.NoError(t, s.runs.Wait(s.ctx, task.Historical, ""))

	again, err := s.store.Record(s.ctx, first.ID)
	require.NoError(t, err)
	require.Equal(t, first.Counts, again.Counts)
	require.True(t, again.UpdatedAt.After(first.UpdatedAt), "the old run went on with its own record")
	ended, err := s.store.Record(s.ctx, newer)
	require.NoError(t, err)
	require.Equal(t, task.Failed, ended.Status)
	require.Equal(t, task.CodeTerminated, ended.ErrorType)
}

func TestStoppedWorkerDoesNotCount(t *testing.T) {
	s := setup(t)
	require.NoError(t, s.sim.SetFaults(sim.Faults{Latency: 5 * time.Second, Times: 1}))
	id := s.start(task.Historical)
	s.running(task.Historical)
	require.Eventually(t, func() bool { return s.sim.Stats().Requests["/task/list/v2"] > 0 }, 10*time.Second, 20*time.Millisecond)
	s.stopWorker()
	t.Cleanup(s.startWorker())
	require.NoError(t, s.runs.Wait(s.ctx, task.Historical, ""))
	rec, err := s.store.Record(s.ctx, id)
	require.NoError(t, err)
	require.Equal(t, 84, rec.Counts.Total)
	attempts, err := s.store.Attempts(s.ctx, id)
	require.NoError(t, err)
	require.Zero(t, rec.RetryCount, "a deploy is not the source's fault: %+v", attempts)
	for _, a := range attempts {
		require.Equal(t, task.AttemptInfrastructure, a.Kind, "%+v", a)
	}
}

func TestSourceThatFails(t *testing.T) {
	for name, tc := range map[string]struct {
		faults   sim.Faults
		status   task.Status
		code     task.Code
		retries  int
		attempts int
	}{
		"wrong secret":               {faults: sim.Faults{Scope: "token", Code: 401, Message: "secret error"}, status: task.Failed, code: task.CodeSourceAuth, attempts: 1},
		"once":                       {faults: sim.Faults{Status: 503, Times: 1}, status: "", retries: 1, attempts: 1},
		"error code inside HTTP 200": {faults: sim.Faults{Code: 1234, Message: "参数错误"}, status: task.Failed, code: task.CodeSourceContract, attempts: 1},
		// The first reset of an idle connection is tried again by net/http itself.
		"connection reset, then again": {faults: sim.Faults{Reset: true, Times: 2}, status: "", retries: 1, attempts: 1},
		"expired token once":           {faults: sim.Faults{ExpiredToken: true, Times: 1}, status: ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := setup(t)
			require.NoError(t, s.sim.SetFaults(tc.faults))
			rec := s.sync(task.Historical)
			if tc.status == "" {
				require.Contains(t, []task.Status{task.Success, task.Partial}, rec.Status)
				require.Equal(t, 84, rec.Counts.Total)
			} else {
				require.Equal(t, tc.status, rec.Status)
			}
			require.Equal(t, tc.code, rec.ErrorType)
			require.Equal(t, tc.retries, rec.RetryCount)
			attempts, err := s.store.Attempts(s.ctx, rec.ID)
			require.NoError(t, err)
			require.Len(t, attempts, tc.attempts)
			require.NotContains(t, fmt.Sprint(rec, attempts), sim.DefaultSecret)
		})
	}
}

func TestScheduleKeepsItsCronAndAnOperatorsPause(t *testing.T) {
	s := setup(t)
	require.NoError(t, s.schedules.Ensure(s.ctx))
	require.NoError(t, s.schedules.Pause(s.ctx, "sync-today", "节假日"))
	done := make(chan error)
	for range 6 {
		go func() { done <- s.schedules.Ensure(s.ctx) }()
	}
	for range 6 {
		require.NoError(t, <-done, "several workers may ensure at once")
	}
	states, err := s.schedules.List(s.ctx)
	require.NoError(t, err)
	byID := map[string]int{}
	for i, st := range states {
		byID[st.ID] = i
	}
	today, historical := states[byID["sync-today"]], states[byID["sync-historical"]]
	require.True(t, today.Paused)
	require.Equal(t, "节假日", today.Note)
	require.Equal(t, "0 9-23 * * *", today.Cron)
	require.Equal(t, "0 1,10,15,21 * * *", historical.Cron)
	for _, next := range historical.Next {
		require.Contains(t, []int{1, 10, 15, 21}, next.In(shanghai).Hour())
	}
	require.Equal(t, task.CodeNotFound, task.CodeOf(s.schedules.Pause(s.ctx, "nope", "")))
}

func TestRunReadsWellInTheWebUI(t *testing.T) {
	s := setup(t)
	s.sync(task.Today)
	desc, err := s.temporal.DescribeWorkflow(s.ctx, workflows.SyncWorkflowID(task.Today), "")
	require.NoError(t, err)
	summary, err := desc.GetStaticSummary()
	require.NoError(t, err)
	require.Equal(t, "今日数据同步（手动）", summary)
	status, _ := desc.TypedSearchAttributes.GetKeyword(workflows.AttributeStatus)
	require.True(t, strings.HasPrefix("success partial", status) || status == "partial", status)
	id, ok := desc.TypedSearchAttributes.GetInt64(workflows.AttributeRecordID)
	require.True(t, ok)
	require.Positive(t, id)
}
