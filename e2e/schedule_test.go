package e2e_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tasksync/internal/systest"
	"tasksync/task"
)

// described is what the temporal command says of a schedule.
type described struct {
	Schedule struct {
		Spec struct {
			StructuredCalendar []struct {
				Comment string `json:"comment"`
			} `json:"structuredCalendar"`
			TimezoneName string `json:"timezoneName"`
		} `json:"spec"`
		State struct {
			Paused bool   `json:"paused"`
			Notes  string `json:"notes"`
		} `json:"state"`
	} `json:"schedule"`
	Info struct {
		FutureActionTimes []time.Time `json:"futureActionTimes"`
	} `json:"info"`
}

func describe(t *testing.T, s *systest.System, id string) described {
	t.Helper()
	var d described
	text := s.TemporalCLI("schedule", "describe", "--schedule-id", id, "-o", "json")
	require.NoError(t, json.Unmarshal([]byte(text), &d), text)
	return d
}

func TestTemporalShowsTheGuidesCrons(t *testing.T) {
	t.Parallel()
	s := systest.Start(t, systest.WithGuideSchedules(), systest.WithHostZone("America/New_York"))
	for id, want := range map[string]struct {
		cron  string
		hours []int
	}{
		"sync-historical": {"0 1,10,15,21 * * *", []int{1, 10, 15, 21}},
		"sync-today":      {"0 9-23 * * *", []int{9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23}},
	} {
		d := describe(t, s, id)
		require.Equal(t, "Asia/Shanghai", d.Schedule.Spec.TimezoneName)
		require.Len(t, d.Schedule.Spec.StructuredCalendar, 1)
		require.Equal(t, want.cron, d.Schedule.Spec.StructuredCalendar[0].Comment)
		require.NotEmpty(t, d.Info.FutureActionTimes)
		for _, at := range d.Info.FutureActionTimes {
			at = at.In(systest.Zone)
			require.Contains(t, want.hours, at.Hour())
			require.Zero(t, at.Minute()*60+at.Second())
		}
	}
	lines := s.Worker().Log()
	require.Contains(t, lines, "✅ 定时任务调度器已启动")
	require.Contains(t, lines, "📅 已注册定时任务: 历史数据同步 [1:00, 10:00, 15:00, 21:00]")
	require.Contains(t, lines, "📅 已注册定时任务: 今日数据同步 [9:00-23:00 每小时]")
}

func TestTriggeredScheduleMakesAnAutomaticRecord(t *testing.T) {
	t.Parallel()
	s := systest.Start(t)
	s.TemporalCLI("schedule", "trigger", "--schedule-id", "sync-today")
	var id int64
	s.Eventually("a record", func() bool {
		id = systest.Value[int64](s, "SELECT coalesce(max(id), 0) FROM sync_records")
		return id > 0
	})
	rec := s.WaitRecord(id)
	require.Equal(t, task.Auto, rec.Trigger)
	require.Equal(t, task.Today, rec.Type)
	require.Contains(t, []task.Status{task.Success, task.Partial}, rec.Status)
	require.Contains(t, rec.LockedBy, "-", "host-pid of the worker")
	requireTruth(t, s, rec)
	a := s.Get("/api/sync/records")
	require.Equal(t, "auto", a.Str("data.records.0.trigger_type"))
	require.Equal(t, "自动", a.Str("data.records.0.trigger_type_label"))
}

func TestTriggeredSlotIsSkippedVisiblyWhileTheLockIsHeld(t *testing.T) {
	t.Parallel()
	s := systest.Start(t)
	s.SetFaults(`{"latency":"20s"}`)
	manual := start(t, s, task.Historical)
	s.WaitRunning(task.Historical)
	s.TemporalCLI("schedule", "trigger", "--schedule-id", "sync-historical")
	var list string
	s.Eventually("a skipped slot", func() bool {
		list = s.TemporalCLI("workflow", "list", "--query", "SyncStatus = 'skipped'", "-o", "json")
		return strings.Contains(list, "sync-historical-")
	})
	var slots []struct {
		Status    string `json:"status"`
		Execution struct {
			WorkflowID string `json:"workflowId"`
		} `json:"execution"`
	}
	require.NoError(t, json.Unmarshal([]byte(list), &slots), list)
	require.Len(t, slots, 1)
	require.Equal(t, "WORKFLOW_EXECUTION_STATUS_COMPLETED", slots[0].Status)
	result := s.TemporalCLI("workflow", "result", "--workflow-id", slots[0].Execution.WorkflowID)
	require.Contains(t, result, "已跳过：历史数据同步正在进行中")
	require.Equal(t, manual, systest.Value[int64](s, "SELECT max(id) FROM sync_records"))
	require.Equal(t, 1, systest.Value[int](s, "SELECT count(*) FROM sync_records"), "a skipped slot has no record")
	require.Equal(t, task.Running, s.Record(manual).Status, "the manual run goes on")
}

func TestScheduleCommands(t *testing.T) {
	t.Parallel()
	s := systest.Start(t, systest.WithGuideSchedules())
	list := s.MustRun("schedule", "list")
	for _, want := range []string{"sync-historical", "0 1,10,15,21 * * *", "sync-today", "0 9-23 * * *", "housekeeping", "cleaning", "运行中"} {
		require.Contains(t, list, want)
	}
	require.Contains(t, s.MustRun("schedule", "pause", "sync-today", "--note", "节假日"), "已暂停 sync-today")
	d := describe(t, s, "sync-today")
	require.True(t, d.Schedule.State.Paused)
	require.Equal(t, "节假日", d.Schedule.State.Notes)
	require.Regexp(t, `sync-today.*已暂停.*节假日`, s.MustRun("schedule", "list"))

	s.StartWorker()
	require.True(t, describe(t, s, "sync-today").Schedule.State.Paused, "another worker leaves the pause alone")

	require.Contains(t, s.MustRun("schedule", "trigger", "sync-today"), "已触发 sync-today")
	s.Eventually("a triggered run", func() bool {
		return systest.Value[int](s, "SELECT count(*) FROM sync_records WHERE sync_type = 'today' AND status <> 'running'") == 1
	})
	require.Contains(t, s.MustRun("schedule", "resume", "sync-today"), "已恢复 sync-today")
	require.False(t, describe(t, s, "sync-today").Schedule.State.Paused)

	unknown := s.Run("schedule", "pause", "nope")
	require.Equal(t, 1, unknown.ExitCode)
	require.Contains(t, unknown.Stderr, "没有定时任务 nope")
	require.Contains(t, unknown.Stderr, "sync-today", "the message names those that are there")
}
