package e2e_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"tasksync/internal/pgtest"
	"tasksync/internal/systest"
	"tasksync/task"
)

func TestSyncCommandAnswersJSON(t *testing.T) {
	t.Parallel()
	s := systest.Start(t)
	s.FreezeClock(time.Now())
	type answer struct {
		Success   bool           `json:"success"`
		RecordID  int64          `json:"record_id"`
		SyncType  string         `json:"sync_type"`
		Status    string         `json:"status"`
		Summary   map[string]int `json:"summary"`
		ErrorType string         `json:"error_type"`
	}
	decode := func(r systest.Result) answer {
		var a answer
		require.NoError(t, json.Unmarshal([]byte(r.Stdout), &a), "%s%s", r.Stdout, r.Stderr)
		return a
	}
	r := s.Run("sync", "today", "-o", "json")
	require.Zero(t, r.ExitCode, r.Stderr)
	a := decode(r)
	require.True(t, a.Success)
	require.Equal(t, "today", a.SyncType)
	rec := s.Record(a.RecordID)
	require.Equal(t, string(rec.Status), a.Status)
	require.True(t, strings.HasPrefix(rec.Actor, "cli"), rec.Actor)
	require.Equal(t, map[string]int{
		"total": rec.Counts.Total, "new": rec.Counts.New, "updated": 0, "matched": rec.Counts.Matched,
		"pending": rec.Counts.Pending, "failed": rec.Counts.Failed, "duration": rec.Duration(),
	}, a.Summary)
	require.Equal(t, rec.Counts.Total, systest.Value[int](s, "SELECT count(*) FROM tasks"))

	text := s.MustRun("sync", "today")
	require.Contains(t, text, "今日数据同步已开始，记录 ")
	require.Contains(t, text, "新增 0，更新 ")

	s.SetFaults(`{"code":1234,"message":"参数错误"}`)
	r = s.Run("sync", "historical", "-o", "json")
	require.Equal(t, 1, r.ExitCode)
	failed := decode(r)
	require.False(t, failed.Success)
	require.Equal(t, "source_contract", failed.ErrorType)
	require.Contains(t, r.Stderr, "错误：")

	s.SetFaults(`{"latency":"20s"}`)
	r = s.Run("sync", "historical", "--wait=false", "-o", "json")
	require.Zero(t, r.ExitCode, r.Stderr)
	require.Equal(t, "running", decode(r).Status)
	s.WaitRunning(task.Historical)
	r = s.Run("sync", "historical")
	require.Equal(t, 1, r.ExitCode)
	require.Contains(t, r.Stderr, "同步任务正在进行中，请稍后再试\n锁定者：")
	require.Equal(t, 1, s.Run("sync", "yesterday").ExitCode)
}

func TestPackageCommands(t *testing.T) {
	t.Parallel()
	s := systest.Start(t, systest.WithoutPackages(), systest.WithoutWorker(), systest.WithoutAPI())
	file := filepath.Join(t.TempDir(), "packages.csv")
	write := func(text string) { require.NoError(t, os.WriteFile(file, []byte(text), 0o600)) }
	count := func() int { return systest.Value[int](s, "SELECT count(*) FROM data_packages") }

	write("code,name,external_id,enabled\n上海-1016-高中-10000,甲,123456,是\n,没有编码,,\n北京-1017-初中-500,乙,,maybe\n上海-1016-高中-10000,重复,,\n")
	r := s.Run("package", "import", file)
	require.Equal(t, 1, r.ExitCode)
	for _, line := range []string{"第 3 行：", "第 4 行：", "第 5 行：", "3 行不对，没有导入", "--skip-bad"} {
		require.Contains(t, r.Stderr, line)
	}
	require.Zero(t, count(), "all or nothing")
	require.Contains(t, s.MustRun("package", "import", "--skip-bad", file), "导入 1 个数据包：新增 1，更新 0，未变 0")
	require.Equal(t, 1, count())

	write("\ufeffenabled,code,name\n否,上海-1016-高中-10000,甲\n,北京-1017-初中-500,\"乙,丙\"\n")
	require.Contains(t, s.MustRun("package", "import", file), "新增 1，更新 1，未变 0")
	require.Contains(t, s.MustRun("package", "import", file), "新增 0，更新 0，未变 2")
	list := s.MustRun("package", "list")
	require.Regexp(t, `上海-1016-高中-10000\s+甲.*否`, list)
	require.Regexp(t, `北京-1017-初中-500\s+乙,丙.*是`, list)

	exported := s.MustRun("package", "list", "--csv")
	write(exported)
	require.Contains(t, s.MustRun("package", "import", file), "未变 2", "what is written can be read")

	write("编码,名称\nx,y\n")
	require.Equal(t, 1, s.Run("package", "import", file).ExitCode)
	require.Equal(t, 1, s.Run("package", "import", file+".none").ExitCode)
	require.Equal(t, 2, count())
}

func TestMigrationsAtOnceAreSafe(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	results := make(chan systest.Result)
	for range 4 {
		go func() { results <- systest.Command(t, []string{"DATABASE_URL=" + url}, "migrate") }()
	}
	worked := 0
	for range 4 {
		r := <-results
		require.Zero(t, r.ExitCode, r.Stderr)
		require.Contains(t, r.Stdout, "数据库结构已是最新")
		if !strings.Contains(r.Stdout, "本次执行 0 个迁移") {
			worked++
		}
	}
	require.Equal(t, 1, worked, "one did the work")
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	var records int
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT count(*) FROM sync_records").Scan(&records))
	require.Zero(t, records)
	none := systest.Command(t, nil, "migrate")
	require.Equal(t, 1, none.ExitCode)
	require.Contains(t, none.Stderr, "DATABASE_URL")
}
