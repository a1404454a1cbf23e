package doctor_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tasksync/doctor"
	"tasksync/schedule"
	"tasksync/task"
)

func TestHealthySystem(t *testing.T) {
	t.Parallel()
	r := healthy().run(false)
	require.True(t, r.Healthy())
	require.Zero(t, r.Warnings)
	require.Empty(t, r.Skipped)
	for _, f := range r.Findings {
		require.Equal(t, doctor.OK, f.Severity, "%+v", f)
	}
	require.Len(t, r.Findings, len(doctor.Checks(&doctor.Parts{})))
}

var ending = task.Ending{Status: task.Failed, Code: task.CodeTerminated, Message: "运行被终止：测试"}

// Each way to break the system is found by the check that is made for it, and
// mended where that is promised; then a second look finds nothing.
func TestFindings(t *testing.T) {
	t.Parallel()
	away := task.Errorf(task.CodeDatabaseUnavailable, "数据库暂时不可用")
	day := func(d, h int) time.Time { return time.Date(2026, 11, d, h, 0, 0, 0, shanghai) }
	for name, tc := range map[string]struct {
		spoil    func(*world)
		check    string
		severity doctor.Severity
		what     string
		fixable  bool
	}{
		"a setting that is wrong":   {func(w *world) { w.options.Problems = []string{"TASKSYNC_PG_PORT 不对"} }, "设置", doctor.Error, "TASKSYNC_PG_PORT 不对", false},
		"a setting that is none":    {func(w *world) { w.options.Unknown = []string{"TASKSYNC_BATCHSIZE"} }, "设置", doctor.Warning, "TASKSYNC_BATCHSIZE", false},
		"a wait longer than a run":  {func(w *world) { w.options.ManualWait = time.Hour }, "设置之间", doctor.Warning, "TASKSYNC_MANUAL_WAIT", false},
		"housekeeping that is rare": {func(w *world) { w.options.Housekeeping = time.Hour }, "设置之间", doctor.Warning, "TASKSYNC_HOUSEKEEPING", false},
		"two credentials":           {func(w *world) { w.options.TwoCredentials = true }, "设置之间", doctor.Warning, "GUANKE_API_SECRET", false},
		"an address for all":        {func(w *world) { w.options.HTTPAddr = task.Errorf(task.CodeInvalidArgument, "拒绝监听") }, "设置之间", doctor.Error, "拒绝监听", false},
		"a mapping that is wrong":   {func(w *world) { w.options.Mapping = errors.New("第 3 行") }, "映射文件", doctor.Error, "第 3 行", false},
		"no source":                 {func(w *world) { w.options.NoSource = task.Errorf(task.CodeInvalidArgument, "没有设置冠客接口") }, "冠客", doctor.Warning, "没有设置冠客接口", false},
		"a source that refuses":     {func(w *world) { w.sourceErr = task.Errorf(task.CodeSourceAuth, "密钥错误") }, "冠客", doctor.Error, "密钥错误", false},
		"a source's slow clock":     {func(w *world) { w.sourceClock = -5 * time.Second }, "冠客", doctor.Warning, "冠客的时钟比本机慢 5s", false},
		"a source's wrong clock":    {func(w *world) { w.sourceClock = time.Hour }, "冠客", doctor.Error, "冠客的时钟比本机快 1h0m0s", false},

		"no database":            {func(w *world) { w.databaseErr = away }, "数据库", doctor.Error, "数据库暂时不可用", false},
		"no database address":    {func(w *world) { w.options.NoDatabase = errors.New("没有设置数据库") }, "数据库", doctor.Error, "没有设置数据库", false},
		"a standby":              {func(w *world) { w.server.ReadOnly = true }, "数据库", doctor.Error, "数据库只读", false},
		"a database's clock":     {func(w *world) { w.server.ClockAhead = 3 * time.Second }, "数据库参数", doctor.Warning, "数据库的时钟比本机快 3s", false},
		"two databases of zones": {func(w *world) { w.server.ZoneNow = "2026-11-23 15" }, "数据库参数", doctor.Warning, "时区 Asia/Shanghai", false},
		"fsync off":              {func(w *world) { w.server.Risky = []string{"fsync = off"} }, "数据库参数", doctor.Warning, "fsync = off", false},
		"too few connections":    {func(w *world) { w.server.MaxConnections = 20 }, "数据库参数", doctor.Error, "最多 20 个连接", false},
		"few connections left":   {func(w *world) { w.server.InUse = 90 }, "数据库参数", doctor.Warning, "还剩 10 个连接", false},
		"an old schema":          {func(w *world) { w.want = 2 }, "数据库结构", doctor.Error, "是第 1 版，需要第 2 版", true},
		"a new schema":           {func(w *world) { w.have = 2 }, "数据库结构", doctor.Warning, "比本程序的第 1 版新", false},

		"no Temporal":  {func(w *world) { w.temporalErr = task.Errorf(task.CodeTemporalUnavailable, "连不上") }, "Temporal", doctor.Error, "连不上", false},
		"no namespace": {func(w *world) { w.temporalErr = task.Errorf(task.CodeNotFound, "没有命名空间") }, "Temporal", doctor.Error, "没有命名空间", false},
		"no attribute": {func(w *world) { w.missing = []string{"SyncType"} }, "search attribute", doctor.Error, "没有登记 search attribute SyncType", true},
		"another type": {func(w *world) { w.wrong = []string{"SyncRecordId 类型是 Keyword，应为 Int"} }, "search attribute", doctor.Error, "应为 Int", false},
		"no worker":    {func(w *world) { w.pollers = nil }, "worker", doctor.Error, "没有 worker 在运行", false},
		"a wedged workflow": {func(w *world) {
			w.open = []task.OpenRun{{WorkflowID: "housekeeping-x", Workflow: "Housekeeping", Start: now, TaskAttempt: 4, Cause: "不确定的改动"}}
		}, "卡住的工作流", doctor.Error, "housekeeping-x 停住了，它的代码已失败 3 次：不确定的改动", false},

		"a missing schedule": {func(w *world) { w.inspections[1] = schedule.Inspection{ID: "sync-today", Missing: true} }, "定时任务", doctor.Error, "没有定时任务 sync-today", true},
		"another cron":       {func(w *world) { w.inspections[0].Differs = []string{"时间是 a，设置是 b"} }, "定时任务", doctor.Error, "时间是 a，设置是 b", true},
		"a pause": {func(w *world) {
			w.inspections[1].Paused, w.inspections[1].Note, w.inspections[1].Updated = true, "节假日", day(20, 9)
		}, "定时任务", doctor.Warning, "sync-today 已暂停（最后一次改动在 2026-11-20 09:00）：节假日", false},
		"missed slots":  {func(w *world) { w.inspections[1].MissedCatchUp = 2 }, "定时任务", doctor.Warning, "有 2 个时段", false},
		"skipped slots": {func(w *world) { w.skipped = []string{"sync-today-2026-11-23T05:00:00Z"} }, "跳过的时段", doctor.Warning, "sync-today-2026-11-23T05:00:00Z", false},
		"a slot without a record": {func(w *world) {
			w.latest[task.Today] = task.Record{StartTime: day(23, 13)}
		}, "准时", doctor.Error, "今日数据同步应在 2026-11-23 14:00 自动执行", false},
		"never a record": {func(w *world) { w.latest = nil }, "准时", doctor.Error, "历史数据同步应在 2026-11-23 10:00 自动执行", false},

		"a lost run": {func(w *world) {
			w.running = []task.Record{{ID: 7, Type: task.Today, WorkflowID: "sync-today", StartTime: day(23, 14)}}
			w.records = map[string]task.Record{"sync-today": {ID: 7, Status: task.Running}}
			w.fates = map[int64]task.Fate{7: {Ending: ending}}
		}, "进行中的记录", doctor.Error, "记录 7（今日数据，2026-11-23 14:00 开始）显示进行中，但 sync-today 没有在执行它：运行被终止：测试", true},
		"a run without a record": {func(w *world) {
			w.open = []task.OpenRun{{WorkflowID: "sync-today", Workflow: "SyncWorkflow", Start: now.Add(-2 * time.Minute)}}
		}, "没有记录的运行", doctor.Warning, "sync-today 从 2026-11-23 14:28 起在执行，但没有同步记录", false},
		"a run whose record is closed": {func(w *world) {
			w.open = []task.OpenRun{{WorkflowID: "sync-today", Workflow: "SyncWorkflow", Start: now.Add(-2 * time.Minute)}}
			w.records = map[string]task.Record{"sync-today": {ID: 5, Status: task.Failed}}
		}, "没有记录的运行", doctor.Warning, "记录 5 已结束（失败），但工作流 sync-today 仍在执行", false},
		"another status": {func(w *world) {
			w.traces = []task.RunTrace{{RecordID: 1, Status: task.Failed, Closed: true}}
			w.statuses = map[int64]task.Ending{1: {Status: task.Success}}
		}, "记录与 Temporal 的状态", doctor.Warning, "记录 1 是成功，Temporal 是失败", false},
		"a restored database": {func(w *world) {
			w.traces = []task.RunTrace{{RecordID: 9, Status: task.Success, Closed: true}}
			w.ids.Next = 10
		}, "记录与 Temporal 的状态", doctor.Warning, "Temporal 有 1 次同步的记录编号数据库里没有：9", false},
		"sums that are wrong":  {func(w *world) { w.sums = []task.WrongSums{{RecordID: 4, Sums: true}} }, "记录的平衡", doctor.Error, "记录 4 的数字加不起来", false},
		"parts that are wrong": {func(w *world) { w.sums = []task.WrongSums{{RecordID: 4, Parts: true}} }, "记录的平衡", doctor.Error, "记录 4 的数字与它的页和批次不一致", false},
		"a false success":      {func(w *world) { w.sums = []task.WrongSums{{RecordID: 4, Green: true}} }, "记录的平衡", doctor.Error, "记录 4 显示成功", false},
		"a lagging sequence":   {func(w *world) { w.ids = task.Sequence{Next: 2, Largest: 2} }, "记录编号", doctor.Error, "下一个记录编号是 2，而已有的最大编号是 2", true},
		"claims left behind":   {func(w *world) { w.left = []task.LeftClaim{{RecordID: 3, Bytes: 100}} }, "中间数据", doctor.Warning, "已结束的记录 3 还留着 100 字节", true},
		"claims of a run that is gone": {func(w *world) {
			w.left = []task.LeftClaim{{RecordID: 3, Unprocessed: 5, FirstRunID: "gone"}}
		}, "中间数据", doctor.Warning, "已结束的记录 3", true},
		"packages behind":     {func(w *world) { w.versions.Seen = 9 }, "数据包版本", doctor.Error, "版本号是 2，而匹配已用到第 9 版", true},
		"no packages counter": {func(w *world) { w.versions = task.PackagesVersion{} }, "数据包版本", doctor.Error, "版本号是 0", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := healthy()
			tc.spoil(w)
			r := w.run(false)
			f := find(r, tc.check, tc.what)
			require.NotNil(t, f, "%+v", r)
			require.Equal(t, tc.severity, f.Severity)
			require.Equal(t, tc.fixable, f.Fixable)
			require.NotEmpty(t, f.Why)
			require.NotEmpty(t, f.How)
			require.Equal(t, tc.severity != doctor.Error, r.Healthy())
			require.False(t, f.Fixed, "without --fix nothing changes")

			r = w.run(true)
			f = find(r, tc.check, tc.what)
			require.NotNil(t, f, "what was mended is told")
			require.Equal(t, tc.fixable, f.Fixed)
			if tc.fixable {
				require.True(t, r.Healthy())
				require.Equal(t, 1, r.Fixed)
				again := w.run(false)
				require.Nil(t, find(again, tc.check, tc.what))
				require.Zero(t, again.Errors+again.Warnings)
			}
		})
	}
}

func find(r doctor.Report, check, what string) *doctor.Finding {
	for i, f := range r.Findings {
		if f.Check == check && strings.Contains(f.What, what) {
			return &r.Findings[i]
		}
	}
	return nil
}

// What is well looks like this too.
func TestNoFalseAlarms(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*world){
		"a running record that is alive": func(w *world) {
			w.running = []task.Record{{ID: 7}}
			w.fates = map[int64]task.Fate{7: {Alive: true}}
		},
		"a run that has just ended": func(w *world) {
			w.running = []task.Record{{ID: 7, WorkflowID: "sync-today", Status: task.Running}}
			w.fates = map[int64]task.Fate{7: {Ending: ending}}
			w.records = map[string]task.Record{"sync-today": {ID: 7, Status: task.Success}}
		},
		"a run that has just begun": func(w *world) {
			w.open = []task.OpenRun{{WorkflowID: "sync-today", Workflow: "SyncWorkflow", Start: now.Add(-time.Second), TaskAttempt: 1}}
		},
		"a slot that waits for its run": func(w *world) {
			w.open = []task.OpenRun{{WorkflowID: "sync-today-x", Workflow: "ScheduledSync", Start: now.Add(-time.Hour)}}
		},
		"a terminated run, whose status nobody could set": func(w *world) {
			w.traces = []task.RunTrace{{RecordID: 1, Status: task.Running}}
			w.statuses = map[int64]task.Ending{1: {Status: task.Failed}}
		},
		"a run that was closed by housekeeping": func(w *world) {
			w.traces = []task.RunTrace{{RecordID: 1, Status: task.Success, Closed: true}}
			w.statuses = map[int64]task.Ending{1: {Status: task.Failed, Code: task.CodeTerminated}}
		},
		"a reset run, whose first execution said something else": func(w *world) {
			w.traces = []task.RunTrace{
				{RecordID: 1, Status: task.Failed, Closed: true, Start: now.Add(-time.Hour)}, {RecordID: 1, Status: task.Success, Closed: true, Start: now},
			}
			w.statuses = map[int64]task.Ending{1: {Status: task.Success}}
		},
		"a record that was cleaned": func(w *world) { w.traces = []task.RunTrace{{RecordID: 1, Closed: true}} },
		"a slot of a moment ago": func(w *world) {
			w.options.Crons[task.Today] = "25 14 * * *"
			w.latest[task.Today] = task.Record{StartTime: now.AddDate(0, 0, -1)}
		},
		"a cron that is rare": func(w *world) {
			w.options.Crons[task.Today] = "0 0 29 2 *"
			delete(w.latest, task.Today)
		},
		"a schedule of a moment ago": func(w *world) {
			w.latest = nil
			for i := range w.inspections {
				w.inspections[i].Created = now.Add(-time.Minute)
			}
		},
		"claims that a reset could need": func(w *world) {
			w.left = []task.LeftClaim{{RecordID: 3, Unprocessed: 5, FirstRunID: "there"}}
			w.known = map[string]bool{"there": true}
		},
		"a source without a clock": func(w *world) { w.sourceClock, w.sourceSilent = time.Hour, true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := healthy()
			spoil(w)
			r := w.run(true)
			require.Zero(t, r.Errors+r.Warnings+r.Fixed, "%+v", r.Findings)
		})
	}
}

func TestSlotThatWasSkippedIsNotLate(t *testing.T) {
	t.Parallel()
	w := healthy()
	w.latest[task.Today] = task.Record{StartTime: time.Date(2026, 11, 23, 13, 59, 0, 0, shanghai)}
	w.skipped = []string{"sync-today-2026-11-23T06:00:00Z"}
	require.True(t, w.run(false).Healthy())
}

func TestPartsThatAreDown(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		spoil   func(*world)
		skipped int
		checked string
	}{
		"settings": {func(w *world) { w.options.Problems = []string{"不对"} }, 20, "设置"},
		"database": {func(w *world) { w.databaseErr = errors.New("away") }, 10, "定时任务"},
		"Temporal": {func(w *world) { w.temporalErr = errors.New("away") }, 9, "记录的平衡"},
		"both":     {func(w *world) { w.databaseErr, w.temporalErr = errors.New("away"), errors.New("away") }, 15, "冠客"},
		"schema":   {func(w *world) { w.want = 2 }, 8, "定时任务"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := healthy()
			tc.spoil(w)
			r := w.run(false)
			require.Len(t, r.Skipped, tc.skipped, "%+v", r.Skipped)
			require.NotNil(t, find(r, tc.checked, ""), "the rest goes on")
			require.False(t, r.Healthy())
			require.Equal(t, len(doctor.Checks(&doctor.Parts{})), len(r.Skipped)+len(r.Findings))
		})
	}
}

func TestSchemaThatIsMendedLetsTheRestGoOn(t *testing.T) {
	t.Parallel()
	w := healthy()
	w.want = 2
	w.sums = []task.WrongSums{{RecordID: 4, Sums: true}}
	r := w.run(true)
	require.Empty(t, r.Skipped)
	require.Equal(t, 1, r.Fixed)
	require.Equal(t, 1, r.Errors)
}

func TestMendingThatFails(t *testing.T) {
	t.Parallel()
	w := healthy()
	w.running = []task.Record{{ID: 7}, {ID: 8}}
	w.records = map[string]task.Record{"": {Status: task.Running}}
	w.closeErr = task.Errorf(task.CodeDatabaseUnavailable, "数据库暂时不可用")
	r := w.run(true)
	require.False(t, r.Healthy())
	require.Equal(t, 2, r.Errors)
	require.Equal(t, "数据库暂时不可用", find(r, "进行中的记录", "记录 7").FixError)
}

// The id that Temporal remembers counts as well as the records'.
func TestSequenceIsMovedBehindWhatTemporalRemembers(t *testing.T) {
	t.Parallel()
	w := healthy()
	w.traces = []task.RunTrace{{RecordID: 40, Closed: true, Status: task.Success}}
	r := w.run(true)
	require.EqualValues(t, 41, w.ids.Next)
	require.True(t, find(r, "记录与 Temporal 的状态", "Temporal 里最大编号是 40").Fixed)
}

func TestReportAsJSON(t *testing.T) {
	t.Parallel()
	w := healthy()
	w.pollers = nil
	text, err := json.Marshal(w.run(false))
	require.NoError(t, err)
	var r struct {
		Findings []map[string]any `json:"findings"`
		Skipped  []any            `json:"skipped"`
		Errors   int              `json:"errors"`
	}
	require.NoError(t, json.Unmarshal(text, &r))
	require.Equal(t, 1, r.Errors)
	require.Equal(t, []any{}, r.Skipped)
	require.Contains(t, r.Findings, map[string]any{
		"check": "worker", "severity": "error", "what": "没有 worker 在运行", "why": "手动同步会被拒绝，定时同步会等到有 worker 为止",
		"how": "启动 tasksync worker，并查看它的日志", "fixable": false, "fixed": false,
	})
}
