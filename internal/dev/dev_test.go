package dev_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"tasksync/internal/dev"
	"tasksync/internal/temporaltest"
)

func TestEverythingStartsServesAndEnds(t *testing.T) {
	t.Parallel()
	b := own(t)
	var seeds atomic.Int32
	b.opts.Seed = func(ctx context.Context, s dev.Services) error {
		seeds.Add(1)
		require.Empty(t, b.lines("synced"), "seeded before the first sync")
		conn, err := pgx.Connect(ctx, s.DatabaseURL)
		if err != nil {
			return err
		}
		defer conn.Close(ctx)
		_, err = conn.Exec(ctx, "CREATE TABLE kept AS SELECT '数据' AS word")
		return err
	}
	b.opts.StartupLines = func() []string { return []string{"✅ 定时任务调度器已启动", "📅 第二行"} }

	r := b.ready()
	out := b.out.String()
	for _, want := range []string{
		"✅ 定时任务调度器已启动\n📅 第二行\n",
		"http://" + b.environ["TASKSYNC_HTTP_ADDR"],
		"http://127.0.0.1:" + b.environ["TASKSYNC_TEMPORAL_UI_PORT"],
		"http://" + b.environ["TASKSYNC_SIM_ADDR"],
		"127.0.0.1:" + b.environ["TASKSYNC_PG_PORT"],
		b.path("logs"), b.path("postgres_password"),
		"历史数据同步: 共 85，新增 12，更新 73，匹配 80，待匹配 5，失败 0（15 秒）",
		"今日数据同步: 共 85",
	} {
		require.Contains(t, out, want)
	}
	password := strings.TrimSpace(b.file("postgres_password"))
	require.NotEmpty(t, password)
	require.NotContains(t, out, password)
	require.NotContains(t, out, "not to be seen")
	require.Contains(t, b.file("logs/worker.log"), "not to be seen")
	for _, secret := range []string{"postgres_password", "database_url"} {
		info, err := os.Stat(b.path(secret))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
	started := b.lines("started")
	require.Equal(t, []string{"simulate", "migrate"}, started[:2])
	require.ElementsMatch(t, []string{"worker", "api"}, started[2:])
	require.Contains(t, b.file("env.worker"), "TEMPORAL_ADDRESS=127.0.0.1:"+b.environ["TASKSYNC_TEMPORAL_PORT"])
	require.Contains(t, b.file("env.worker"), "GUANKE_BASE_URL=http://"+b.environ["TASKSYNC_SIM_ADDR"])
	require.Contains(t, b.file("env.worker"), "DATABASE_URL="+strings.TrimSpace(b.file("database_url")))
	require.Equal(t, b.file("env.worker"), b.file("env.api"))
	_, err := pgx.Connect(t.Context(), strings.Replace(strings.TrimSpace(b.file("database_url")), password, "wrong", 1))
	require.ErrorContains(t, err, "28P01")

	require.NoError(t, r.end())
	require.True(t, b.closed(), "no port is left open")
	require.Equal(t, []string{"api", "worker", "simulate"}, b.lines("ended"))
	require.NoFileExists(t, b.path("database_url"))

	// A second start finds the data, though the password was lost.
	require.NoError(t, os.Remove(b.path("postgres_password")))
	r = b.ready()
	url := strings.TrimSpace(b.file("database_url"))
	require.NotContains(t, url, password)
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	var word string
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT word FROM kept").Scan(&word))
	require.Equal(t, "数据", word)
	require.NoError(t, conn.Close(t.Context()))
	require.Equal(t, int32(1), seeds.Load())
	require.Len(t, b.lines("synced"), 2)
	require.NoError(t, r.end())
	require.True(t, b.closed())
}

func TestWhatRunsElsewhereIsUsed(t *testing.T) {
	t.Parallel()
	b := outside(t)
	r := b.ready()
	require.NotContains(t, b.file("env.worker"), "TEMPORAL_ADDRESS=127.0.0.1:"+b.environ["TASKSYNC_TEMPORAL_PORT"])
	require.Contains(t, b.file("env.worker"), "TEMPORAL_ADDRESS="+temporaltest.Start(t).Address)
	require.Contains(t, b.file("env.worker"), "DATABASE_URL="+b.environ["DATABASE_URL"])
	require.NoFileExists(t, b.path("logs/postgres.log"))
	require.NoFileExists(t, b.path("logs/temporal.log"))

	res, err := http.Get("http://" + b.environ["TASKSYNC_HTTP_ADDR"] + "/warn")
	require.NoError(t, err)
	res.Body.Close()
	await(t, "the warning is shown", func() bool { return strings.Contains(b.out.String(), "api | ") })
	require.NoError(t, r.end())
}

// The credentials that a named source needs are the mapping's, and a relative
// path of the mapping means the same for the children.
func TestANamedSourceIsUsedWithItsMapping(t *testing.T) {
	t.Parallel()
	b := outside(t)
	b.environ["GUANKE_BASE_URL"] = "http://127.0.0.1:1"
	err := b.start().wait()
	require.ErrorContains(t, err, "GUANKE_API_SECRET")

	here, err := os.Getwd()
	require.NoError(t, err)
	path, err := filepath.Rel(here, filepath.Join(here, "../../docs/mappings/rest.yaml"))
	require.NoError(t, err)
	require.False(t, filepath.IsAbs(path))
	b.environ["TASKSYNC_SOURCE_MAPPING"] = path
	r := b.ready()
	require.Contains(t, b.file("env.worker"), "GUANKE_BASE_URL=http://127.0.0.1:1 ")
	require.Contains(t, b.file("env.worker"), "TASKSYNC_SOURCE_MAPPING="+filepath.Join(here, path))
	require.Zero(t, b.count("started", "simulate"))
	require.NoError(t, r.end())

	delete(b.environ, "GUANKE_BASE_URL")
	require.ErrorContains(t, b.start().wait(), "GUANKE_BASE_URL")
}

func TestASecondStartOverTheSameDataIsRefused(t *testing.T) {
	t.Parallel()
	b := outside(t)
	r := b.ready()
	err := dev.Run(t.Context(), b.options())
	require.ErrorContains(t, err, "进程 "+strconv.Itoa(os.Getpid()))
	require.ErrorContains(t, err, "TASKSYNC_DATA_DIR")
	require.NoError(t, r.end())
}

func TestATakenPortIsNamedWithItsSetting(t *testing.T) {
	t.Parallel()
	b := outside(t)
	l, err := net.Listen("tcp", b.environ["TASKSYNC_HTTP_ADDR"])
	require.NoError(t, err)
	defer l.Close()
	err = dev.Run(t.Context(), b.options())
	require.ErrorContains(t, err, "端口 "+strconv.Itoa(l.Addr().(*net.TCPAddr).Port)+" 已被占用（API）")
	require.Regexp(t, `用 TASKSYNC_HTTP_ADDR=127\.0\.0\.1:\d+ make run 换一个`, err.Error())
	require.Empty(t, b.lines("started"))
}

func TestADeadChildIsStartedAgain(t *testing.T) {
	t.Parallel()
	b := outside(t)
	r := b.ready()
	killChild(t, b, "worker")
	await(t, "a second worker", func() bool { return b.count("started", "worker") == 2 })
	require.Contains(t, b.out.String(), "worker 意外结束（被信号 killed 结束）")
	require.NoError(t, r.end())
	require.Equal(t, 1, b.count("ended", "worker"))
}

func TestAChildThatDiesAgainAndAgainEndsAll(t *testing.T) {
	t.Parallel()
	b := outside(t)
	r := b.ready()
	b.write("crash.worker", "")
	killChild(t, b, "worker")
	err := r.wait()
	require.ErrorContains(t, err, "连续重启 3 次仍未成功")
	require.ErrorContains(t, err, "about to crash")
	require.Equal(t, 1+quick.Limit, b.count("started", "worker"))
	require.True(t, b.closed())
}

func TestAChildThatDoesNotStartIsNamedWithItsLog(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"simulate", "migrate", "worker", "api"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := outside(t)
			b.write("crash."+name, "")
			// A worker that dies while the API waits for it must not be waited for.
			err := b.start().wait()
			require.ErrorContains(t, err, name+" 意外结束（退出码 3）")
			require.ErrorContains(t, err, b.path("logs/"+name+".log"))
			require.ErrorContains(t, err, "about to crash")
			require.True(t, b.closed())
		})
	}
}

func TestASeedThatFailedIsTriedAgain(t *testing.T) {
	t.Parallel()
	b := outside(t)
	fail := true
	var calls int
	b.opts.Seed = func(context.Context, dev.Services) error {
		calls++
		if fail {
			return errors.New("half way")
		}
		return nil
	}
	require.ErrorContains(t, b.start().wait(), "half way")
	require.Empty(t, b.lines("synced"))
	fail = false
	require.NoError(t, b.ready().end())
	require.Equal(t, 2, calls)
}

func TestAForeignTemporalThatIsAwayIsNamed(t *testing.T) {
	t.Parallel()
	b := outside(t)
	b.environ["TEMPORAL_ADDRESS"] = "127.0.0.1:1"
	require.ErrorContains(t, dev.Run(t.Context(), b.options()), "127.0.0.1:1")
	b = outside(t)
	b.environ["DATABASE_URL"] = "postgres://u:hunter2@127.0.0.1:1/x"
	err := dev.Run(t.Context(), b.options())
	require.ErrorContains(t, err, "DATABASE_URL")
	require.NotContains(t, err.Error(), "hunter2")
}

// process runs the supervisor as a process of its own.
func process(t *testing.T, b *bench) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], "dev")
	cmd.Env = b.options().Environ
	cmd.Stdout, cmd.Stderr = b.out, b.out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	await(t, "ready", func() bool { return strings.Contains(b.file("first_run"), `"synced":true`) })
	return cmd
}

func TestASecondInterruptEndsAtOnce(t *testing.T) {
	t.Parallel()
	b := outside(t)
	b.environ[ignoreVariable] = "worker"
	cmd := process(t, b)
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	await(t, "the worker was asked", func() bool { return b.count("ignored", "worker") == 1 })
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	require.NoError(t, cmd.Wait(), b.out)
	require.True(t, b.closed())
	require.Contains(t, b.out.String(), "已全部停止")
}

func TestAKilledSupervisorLeavesNothingThatHindersTheNext(t *testing.T) {
	t.Parallel()
	b := own(t)
	cmd := process(t, b)
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	r := b.ready()
	require.NoError(t, r.end())
	require.True(t, b.closed())
}
