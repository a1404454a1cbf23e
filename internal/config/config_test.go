package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tasksync/internal/config"
)

func parse(t *testing.T, environ map[string]string) config.Config {
	t.Helper()
	cfg, err := config.Parse(environ)
	require.NoError(t, err)
	return cfg
}

func TestDefaultsAreThoseOfTheGuideAndTheDesign(t *testing.T) {
	t.Parallel()
	cfg := parse(t, nil)
	require.Equal(t, "127.0.0.1:8080", cfg.HTTPAddr)
	require.Equal(t, 7233, cfg.TemporalPort)
	require.Equal(t, 8233, cfg.TemporalUIPort)
	require.Equal(t, "127.0.0.1:9090", cfg.SimAddr)
	require.Equal(t, 5433, cfg.PGPort)
	require.Equal(t, "Asia/Shanghai", cfg.Zone.String())
	require.Equal(t, 50, cfg.BatchSize)
	require.Equal(t, 1000, cfg.PageSize)
	require.Equal(t, 3, cfg.MaxRetries)
	require.Equal(t, 30*time.Minute, cfg.LockTimeout)
	require.Equal(t, 50*time.Second, cfg.ManualWait)
	require.Equal(t, 5*time.Minute, cfg.Housekeeping)
	require.Equal(t, 30*24*time.Hour, cfg.Retention)
	require.Equal(t, "0 1,10,15,21 * * *", cfg.ScheduleHistorical)
	require.Equal(t, "0 9-23 * * *", cfg.ScheduleToday)
	require.Equal(t, 28, cfg.SimTasksPerDay)
	require.Equal(t, 8, cfg.UpsertConnections)
	require.Equal(t, slog.LevelInfo, cfg.LogLevel)
	require.True(t, filepath.IsAbs(cfg.DataDir))
}

func TestAnEmptySettingIsUnset(t *testing.T) {
	t.Parallel()
	require.Equal(t, 50, parse(t, map[string]string{"TASKSYNC_BATCH_SIZE": " "}).BatchSize)
}

func TestValuesAreRead(t *testing.T) {
	t.Parallel()
	cfg := parse(t, map[string]string{
		"TASKSYNC_TIMEZONE":      "America/New_York",
		"TASKSYNC_LOG_LEVEL":     "WARN",
		"TASKSYNC_CORS_ORIGINS":  "https://a.example, http://b.example:3000,",
		"TASKSYNC_ALLOWED_HOSTS": "sync.example.com,::1",
		"TASKSYNC_GUANKE_RATE":   "2.5",
		"GUANKE_API_SECRET":      "s3cret",
	})
	require.Equal(t, "America/New_York", cfg.Zone.String())
	require.Equal(t, slog.LevelWarn, cfg.LogLevel)
	require.Equal(t, []string{"https://a.example", "http://b.example:3000"}, cfg.CORSOrigins)
	require.Equal(t, []string{"sync.example.com", "::1"}, cfg.AllowedHosts)
	require.InDelta(t, 2.5, cfg.GuankeRate, 0)
	require.Equal(t, "s3cret", cfg.GuankeAPISecret.Reveal())
}

func TestWrongSettingsAreNamedWithValueAndLimits(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ name, value, says string }{
		"not a number":     {"TASKSYNC_BATCH_SIZE", "viele", "应为整数"},
		"too small":        {"TASKSYNC_BATCH_SIZE", "0", "1 到 1000"},
		"page too large":   {"TASKSYNC_PAGE_SIZE", "1001", "1 到 1000"},
		"retries":          {"TASKSYNC_MAX_RETRIES", "-1", "0 到 10"},
		"connections":      {"TASKSYNC_UPSERT_CONNECTIONS", "65", "1 到 64"},
		"no unit":          {"TASKSYNC_LOCK_TIMEOUT", "30", "30s"},
		"too long":         {"TASKSYNC_LOCK_TIMEOUT", "25h", "1s 到 24h"},
		"retention":        {"TASKSYNC_RETENTION", "1h", "24h"},
		"manual wait":      {"TASKSYNC_MANUAL_WAIT", "-1s", "0s 到 10m"},
		"rate":             {"TASKSYNC_GUANKE_RATE", "-1", "正数"},
		"rate NaN":         {"TASKSYNC_GUANKE_RATE", "NaN", "正数"},
		"zone":             {"TASKSYNC_TIMEZONE", "Mars/Olympus", "Asia/Shanghai"},
		"zone of the host": {"TASKSYNC_TIMEZONE", "Local", "Asia/Shanghai"},
		"address":          {"TASKSYNC_HTTP_ADDR", "8080", "主机:端口"},
		"address port":     {"TASKSYNC_SIM_ADDR", "127.0.0.1:70000", "主机:端口"},
		"port":             {"TASKSYNC_PG_PORT", "0", "1 到 65535"},
		"port twice":       {"TASKSYNC_PG_PORT", "8080", "TASKSYNC_HTTP_ADDR"},
		"level":            {"TASKSYNC_LOG_LEVEL", "loud", "debug、info、warn 或 error"},
		"format":           {"TASKSYNC_LOG_FORMAT", "xml", "text 或 json"},
		"cron fields":      {"TASKSYNC_SCHEDULE_TODAY", "0 9-23 * *", "五段 cron"},
		"cron hour":        {"TASKSYNC_SCHEDULE_TODAY", "0 9-24 * * *", "0 到 23"},
		"cron range":       {"TASKSYNC_SCHEDULE_HISTORICAL", "0 10-9 * * *", "“时”"},
		"cron step":        {"TASKSYNC_SCHEDULE_HISTORICAL", "*/0 * * * *", "“分”"},
		"origin any":       {"TASKSYNC_CORS_ORIGINS", "*", "不能用 *"},
		"origin with path": {"TASKSYNC_CORS_ORIGINS", "https://a.example/x", "协议://主机"},
		"host with port":   {"TASKSYNC_ALLOWED_HOSTS", "a.example:80", "不带协议、端口"},
		"faults":           {"TASKSYNC_SIM_FAULTS", "5s", "JSON"},
		"tasks a day":      {"TASKSYNC_SIM_TASKS_PER_DAY", "0", "1 到 10000000"},
		"seed":             {"TASKSYNC_SIM_SEED", "x", "应为整数"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := config.Parse(map[string]string{tc.name: tc.value})
			var wrong *config.Error
			require.ErrorAs(t, err, &wrong)
			require.Len(t, wrong.Problems, 1, err)
			require.Equal(t, tc.name, wrong.Problems[0].Name)
			require.Contains(t, wrong.Problems[0].Text, tc.says)
			require.Contains(t, err.Error(), tc.value)
		})
	}
}

func TestAllWrongSettingsAreReportedTogether(t *testing.T) {
	t.Parallel()
	_, err := config.Parse(map[string]string{
		"TASKSYNC_BATCH_SIZE": "x", "TASKSYNC_PAGE_SIZE": "0", "TASKSYNC_LOG_FORMAT": "xml", "GUANKE_USERNAME": "u",
	})
	for _, name := range []string{"TASKSYNC_BATCH_SIZE", "TASKSYNC_PAGE_SIZE", "TASKSYNC_LOG_FORMAT", "GUANKE_PASSWORD"} {
		require.ErrorContains(t, err, name)
	}
}

func TestExternalAddressesAreCheckedWithoutShowingThem(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"DATABASE_URL":    "mysql://root:hunter2@db/x",
		"GUANKE_BASE_URL": "https://user:hunter2@open-api.gooki.com",
	} {
		_, err := config.Parse(map[string]string{name: value})
		require.ErrorContains(t, err, name)
		require.NotContains(t, err.Error(), "hunter2")
	}
}

func TestOldTemporalNamesAreRefusedWithTheNewOne(t *testing.T) {
	t.Parallel()
	_, err := config.Parse(map[string]string{"TEMPORAL_TLS_CERT": "/c.pem"})
	require.ErrorContains(t, err, "TEMPORAL_TLS_CLIENT_CERT_PATH")
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	t.Parallel()
	cfg := parse(t, map[string]string{
		"DATABASE_URL": "postgres://u:hunter2@db/x", "GUANKE_API_SECRET": "hunter2",
		"GUANKE_USERNAME": "u", "GUANKE_PASSWORD": "hunter2", "TEMPORAL_API_KEY": "hunter2",
	})
	var out bytes.Buffer
	slog.New(slog.NewTextHandler(&out, nil)).Info("settings", "config", cfg)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("settings", "config", cfg, "url", cfg.DatabaseURL)
	fmt.Fprintf(&out, "%v %+v %#v %s %v %#v", cfg, cfg, cfg, cfg, &cfg, cfg.GuankePassword)
	text, err := json.Marshal(cfg)
	require.NoError(t, err)
	out.Write(text)
	require.NotContains(t, out.String(), "hunter2")
	require.Contains(t, out.String(), "TASKSYNC_BATCH_SIZE=50")
	require.Contains(t, out.String(), "GUANKE_PASSWORD=******")
}

func TestDatabaseFallsBackToTheRunningDev(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	environ := map[string]string{"TASKSYNC_DATA_DIR": dir}

	_, err := parse(t, environ).Database()
	require.ErrorContains(t, err, "DATABASE_URL")
	require.ErrorContains(t, err, "make run")

	file := filepath.Join(dir, "database_url")
	require.NoError(t, os.WriteFile(file, []byte("postgres://u:p@127.0.0.1:5433/tasksync\n"), 0o600))
	url, err := parse(t, environ).Database()
	require.NoError(t, err)
	require.Equal(t, "postgres://u:p@127.0.0.1:5433/tasksync", url)

	environ["DATABASE_URL"] = "postgres://u:p@db/other"
	url, err = parse(t, environ).Database()
	require.NoError(t, err)
	require.Equal(t, "postgres://u:p@db/other", url)

	delete(environ, "DATABASE_URL")
	require.NoError(t, os.WriteFile(file, []byte("half"), 0o600))
	_, err = parse(t, environ).Database()
	require.ErrorContains(t, err, file)
}

func TestUnknownFindsMisspeltSettings(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"GUANKE_SECRET", "TASKSYNC_BATCHSIZE"}, config.Unknown(map[string]string{
		"TASKSYNC_BATCHSIZE": "1", "GUANKE_SECRET": "x", "TASKSYNC_BATCH_SIZE": "1",
		"TASKSYNC_TEST_DATABASE_URL": "x", "PATH": "/bin",
	}))
}

func TestExampleFileIsFresh(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../.env.example")
	require.NoError(t, err)
	require.Equal(t, config.Example(), string(text), "已过期，请运行 make generate")
	for _, s := range config.Settings() {
		require.NotEmpty(t, s.Text, s.Name)
		require.Contains(t, string(text), "# "+s.Name+"=")
	}
}
