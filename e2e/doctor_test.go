package e2e_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tasksync/internal/pgtest"
	"tasksync/internal/systest"
	"tasksync/task"
)

type diagnosis struct {
	Findings []struct {
		Check    string `json:"check"`
		Severity string `json:"severity"`
		What     string `json:"what"`
		Why      string `json:"why"`
		How      string `json:"how"`
		Fixable  bool   `json:"fixable"`
		Fixed    bool   `json:"fixed"`
		FixError string `json:"fix_error"`
	} `json:"findings"`
	Skipped []struct {
		Check   string `json:"check"`
		Because string `json:"because"`
	} `json:"skipped"`
	Errors   int `json:"errors"`
	Warnings int `json:"warnings"`
	Fixed    int `json:"fixed"`
}

func diagnose(t *testing.T, r systest.Result) diagnosis {
	t.Helper()
	var d diagnosis
	require.NoError(t, json.Unmarshal([]byte(r.Stdout), &d), "%s%s", r.Stdout, r.Stderr)
	require.Equal(t, d.Errors > 0, r.ExitCode != 0, "%s%s", r.Stdout, r.Stderr)
	return d
}

// wrong are the checks that found something, warnings of the test's own
// environment aside.
func (d diagnosis) wrong() map[string]string {
	found := map[string]string{}
	for _, f := range d.Findings {
		if f.Severity != "ok" && f.Check != "数据库参数" && f.Check != "设置之间" {
			found[f.Check] += f.What + "\n"
		}
	}
	return found
}

func TestDoctorFindsAndMendsWhatIsBroken(t *testing.T) {
	t.Parallel()
	// Nobody but the doctor closes lost records here.
	s := systest.Start(t, systest.WithEnv("", "TASKSYNC_HOUSEKEEPING=24h"))
	require.Equal(t, 200, s.Manual(task.Today).Status)
	require.Equal(t, 200, s.Manual(task.Historical).Status)
	d := diagnose(t, s.Run("doctor", "-o", "json"))
	require.Empty(t, d.wrong())
	require.Empty(t, d.Skipped)

	s.SetFaults(`{"latency":"25s"}`)
	lost := start(t, s, task.Today)
	s.WaitRunning(task.Today)
	s.Worker().Kill9()
	terminate(s)
	s.StartWorker()
	s.SetFaults(`{}`)
	s.TemporalCLI("schedule", "delete", "--schedule-id", "sync-today")
	s.TemporalCLI("schedule", "toggle", "--schedule-id", "sync-historical", "--pause", "--reason", "节假日")
	for _, sql := range []string{
		"UPDATE sync_records SET status = 'running', end_time = NULL WHERE id = 2",
		"SELECT setval('sync_records_id_seq', 1)",
		"UPDATE sync_pages SET payload = 'left behind' WHERE record_id = 1",
		"UPDATE packages_version SET version = 0",
	} {
		_, err := s.SQL.Exec(t.Context(), sql)
		require.NoError(t, err, sql)
	}

	broken := []string{"进行中的记录", "定时任务", "记录编号", "中间数据", "数据包版本"}
	r := s.Run("doctor", "-o", "json")
	require.Equal(t, 1, r.ExitCode)
	wrong := diagnose(t, r).wrong()
	for _, check := range broken {
		require.Contains(t, wrong, check)
	}
	require.Contains(t, wrong["进行中的记录"], "客户要求停止", "the true reason")
	require.Contains(t, wrong["进行中的记录"], "记录 2（历史数据")
	require.Contains(t, wrong["定时任务"], "没有定时任务 sync-today")
	require.Contains(t, wrong["定时任务"], "sync-historical 已暂停")
	require.Contains(t, wrong["定时任务"], "节假日")
	require.Equal(t, task.Running, s.Record(lost).Status, "without --fix nothing changes")

	r = s.Run("doctor", "--fix", "-o", "json")
	require.Zero(t, r.ExitCode, r.Stdout)
	for _, f := range diagnose(t, r).Findings {
		require.Equal(t, f.Fixable, f.Fixed, "%+v", f)
		require.Empty(t, f.FixError)
	}
	requireTerminated(t, s, s.Record(lost))
	require.Equal(t, task.Failed, s.Record(2).Status)
	require.Contains(t, s.Record(2).ErrorMessage, "没有收尾")
	require.Contains(t, s.MustRun("schedule", "list"), "sync-today")
	require.Zero(t, systest.Value[int](s, "SELECT count(*) FROM sync_pages WHERE payload = 'left behind'"))

	r = s.Run("doctor", "-o", "json")
	require.Zero(t, r.ExitCode, r.Stdout)
	wrong = diagnose(t, r).wrong()
	require.Len(t, wrong, 1, "only a person ends a person's pause: %v", wrong)
	require.Contains(t, wrong["定时任务"], "sync-historical 已暂停")
	a := s.Manual(task.Today)
	require.Equal(t, 200, a.Status, a.Text)
	require.Greater(t, int64(a.Int("record_id")), lost)
	require.Contains(t, s.MustRun("doctor"), "0 个错误")
}

// A database that was restored from an older backup knows neither the last runs
// nor their ids.
func TestDoctorAfterTheDatabaseWasRestored(t *testing.T) {
	t.Parallel()
	s := systest.Start(t, systest.WithEnv("", "TASKSYNC_HOUSEKEEPING=24h"))
	for range 3 {
		require.Equal(t, 200, s.Manual(task.Today).Status)
	}
	for _, sql := range []string{
		"DELETE FROM sync_records WHERE id > 1", "DELETE FROM tasks", "SELECT setval('sync_records_id_seq', 1)",
		"ALTER TABLE sync_records DROP CONSTRAINT sync_records_writes", "UPDATE sync_records SET tasks_new = tasks_new + 1",
	} {
		_, err := s.SQL.Exec(t.Context(), sql)
		require.NoError(t, err, sql)
	}
	// Temporal's index is a moment late.
	var wrong map[string]string
	s.Eventually("the last run in Temporal's index", func() bool {
		wrong = diagnose(t, s.Run("doctor", "-o", "json")).wrong()
		return strings.Contains(wrong["记录与 Temporal 的状态"], "最大编号是 3")
	})
	require.Contains(t, wrong["记录与 Temporal 的状态"], "Temporal 有 2 次同步的记录编号数据库里没有")
	require.Contains(t, wrong["记录的平衡"], "记录 1 的数字加不起来")

	d := diagnose(t, s.Run("doctor", "--fix", "-o", "json"))
	require.Equal(t, 1, d.Fixed)
	require.Equal(t, 2, d.Errors, "sums that somebody changed are for people: %v", d.wrong())
	a := s.Manual(task.Today)
	require.Equal(t, 200, a.Status, a.Text)
	require.Equal(t, 4, a.Int("record_id"), "no id is used twice")
	requireTruth(t, s, s.Record(4))
}

// A Temporal server that lost its data has no schedules, and knows nothing of the
// run that a record says is running. No worker is there to make them again.
func TestDoctorAfterTemporalLostItsData(t *testing.T) {
	t.Parallel()
	s := systest.Start(t, systest.WithOwnTemporal(), systest.WithEnv("", "TASKSYNC_HOUSEKEEPING=24h"))
	require.Equal(t, 200, s.Manual(task.Today).Status)
	s.SetFaults(`{"latency":"25s"}`)
	lost := start(t, s, task.Historical)
	s.WaitRunning(task.Historical)
	s.Worker().Kill9()
	s.Server.Kill9()
	r := s.Run("doctor", "-o", "json")
	require.Contains(t, diagnose(t, r).wrong(), "Temporal")
	s.Server.Lose()
	s.Server.Restart()
	s.SetFaults(`{}`)

	wrong := diagnose(t, s.Run("doctor", "-o", "json")).wrong()
	require.Contains(t, wrong["进行中的记录"], "Temporal 中已没有这次运行")
	require.Contains(t, wrong["search attribute"], "没有登记")
	for _, id := range []string{"sync-historical", "sync-today", "housekeeping", "cleaning"} {
		require.Contains(t, wrong["定时任务"], "没有定时任务 "+id)
	}
	d := diagnose(t, s.Run("doctor", "--fix", "-o", "json"))
	require.Equal(t, 1, d.Errors, d.wrong())
	require.Contains(t, d.wrong(), "worker")
	require.Equal(t, 6, d.Fixed, "four schedules, the attributes and the record: %v", d.wrong())
	rec := s.Record(lost)
	require.Equal(t, task.Failed, rec.Status)
	require.Contains(t, rec.ErrorMessage, "历史被清除或数据丢失")
	s.StartWorker()
	require.Empty(t, diagnose(t, s.Run("doctor", "-o", "json")).wrong())
	a := s.Manual(task.Historical)
	require.Equal(t, 200, a.Status, a.Text)
	requireTruth(t, s, s.Record(int64(a.Int("record_id"))))
}

func TestDoctorRegistersSearchAttributes(t *testing.T) {
	t.Parallel()
	s := systest.Start(t)
	require.Equal(t, 200, s.Manual(task.Today).Status)
	for _, name := range []string{"SyncType", "SyncTrigger", "SyncStatus", "SyncRecordId"} {
		s.TemporalCLI("operator", "search-attribute", "remove", "--name", name, "--yes")
	}
	var d diagnosis
	s.Eventually("the attributes are gone", func() bool {
		d = diagnose(t, s.Run("doctor", "-o", "json"))
		return strings.Contains(d.wrong()["search attribute"], "SyncRecordId、SyncStatus、SyncTrigger、SyncType")
	})
	require.Len(t, d.Skipped, 3, "what asks by them is left out: %v", d.Skipped)

	d = diagnose(t, s.Run("doctor", "--fix", "-o", "json"))
	require.Equal(t, 1, d.Fixed)
	require.Zero(t, d.Errors, d.wrong())
	require.Empty(t, d.Skipped)
	require.Equal(t, 200, s.Manual(task.Today).Status)
}

func TestDoctorGoesOnWhereAPartIsDown(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	settings := []string{"DATABASE_URL=" + url, "TEMPORAL_ADDRESS=127.0.0.1:1"}
	r := systest.Command(t, settings, "doctor", "-o", "json")
	require.Equal(t, 1, r.ExitCode)
	d := diagnose(t, r)
	wrong := d.wrong()
	require.Contains(t, wrong["Temporal"], "Temporal 暂时不可用")
	require.Contains(t, wrong["数据库结构"], "是第 0 版")
	require.Contains(t, wrong["冠客"], "GUANKE_BASE_URL")
	require.NotEmpty(t, d.Skipped)

	d = diagnose(t, systest.Command(t, settings, "doctor", "--fix", "-o", "json"))
	require.Equal(t, 1, d.Fixed, "the schema can be mended without Temporal")
	require.Equal(t, 1, d.Errors)
	for _, f := range d.Findings {
		require.Equal(t, f.Check == "数据库结构", f.Fixed, "%+v", f)
	}

	r = systest.Command(t, []string{"DATABASE_URL=postgres://me:planted@127.0.0.1:1/x", "TEMPORAL_ADDRESS=127.0.0.1:1"}, "doctor")
	require.Equal(t, 1, r.ExitCode)
	require.Contains(t, r.Stdout, "❌ 数据库：")
	require.Contains(t, r.Stdout, "❌ Temporal：")
	require.Contains(t, r.Stdout, "➖ 记录的平衡：没有检查，因为数据库不可用")
	require.Contains(t, r.Stderr, "还有 2 个问题没有解决")
	require.NotContains(t, r.Stdout+r.Stderr, "planted")

	file := filepath.Join(t.TempDir(), "mapping.yaml")
	require.NoError(t, os.WriteFile(file, []byte("version: 1\nnonsense: 3\n"), 0o600))
	d = diagnose(t, systest.Command(t, append(settings, "TASKSYNC_SOURCE_MAPPING="+file), "doctor", "-o", "json"))
	require.Contains(t, d.wrong()["映射文件"], "nonsense")
	require.NotContains(t, d.wrong(), "冠客", "without a mapping nothing is asked of the source")

	r = systest.Command(t, []string{"TASKSYNC_TIMEZONE=Mars", "TASKSYNC_BATCHSIZE=50"}, "doctor")
	require.Equal(t, 1, r.ExitCode)
	require.Contains(t, r.Stdout, "TASKSYNC_TIMEZONE 的值")
	require.Contains(t, r.Stdout, "TASKSYNC_BATCHSIZE")
}
