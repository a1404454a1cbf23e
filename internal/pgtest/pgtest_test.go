package pgtest_test

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"tasksync/internal/pgtest"
)

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func value[T any](t *testing.T, url, query string) T {
	t.Helper()
	var v T
	require.NoError(t, connect(t, url).QueryRow(t.Context(), query).Scan(&v))
	return v
}

func TestNewGivesEachTestADatabaseOfItsOwn(t *testing.T) {
	t.Parallel()
	a, b := pgtest.New(t), pgtest.New(t)
	require.NotEqual(t, a, b)
	_, err := connect(t, a).Exec(t.Context(), "CREATE TABLE only_in_a (id int)")
	require.NoError(t, err)
	require.True(t, value[bool](t, a, "SELECT to_regclass('only_in_a') IS NOT NULL"))
	require.False(t, value[bool](t, b, "SELECT to_regclass('only_in_a') IS NOT NULL"))
}

func TestNewDropsTheDatabaseDespiteOpenConnections(t *testing.T) {
	t.Parallel()
	keep := pgtest.New(t)
	var name string
	t.Run("inner", func(t *testing.T) {
		url := pgtest.New(t)
		conn, err := pgx.Connect(t.Context(), url)
		require.NoError(t, err)
		t.Cleanup(func() { conn.Close(context.Background()) })
		require.NoError(t, conn.QueryRow(t.Context(), "SELECT current_database()").Scan(&name))
	})
	require.NotEmpty(t, name)
	require.False(t, value[bool](t, keep, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = '"+name+"')"))
}

func TestTemplateIsPreparedOnceAndCopied(t *testing.T) {
	t.Parallel()
	var prepared atomic.Int32
	template := pgtest.WithTemplate(t.Name(), func(url string) error {
		prepared.Add(1)
		conn, err := pgx.Connect(context.Background(), url)
		if err != nil {
			return err
		}
		defer conn.Close(context.Background())
		_, err = conn.Exec(context.Background(), "CREATE TABLE greeting AS SELECT '你好' AS word")
		return err
	})
	t.Run("copies", func(t *testing.T) {
		for range 4 {
			t.Run("copy", func(t *testing.T) {
				t.Parallel()
				require.Equal(t, "你好", value[string](t, pgtest.New(t, template), "SELECT word FROM greeting"))
			})
		}
	})
	require.Equal(t, int32(1), prepared.Load())
}

func TestFsyncIsAServerOfItsOwn(t *testing.T) {
	t.Parallel()
	if os.Getenv(pgtest.URLVariable) != "" {
		return
	}
	require.Equal(t, "off", value[string](t, pgtest.New(t), "SHOW fsync"))
	require.Equal(t, "on", value[string](t, pgtest.New(t, pgtest.WithFsync()), "SHOW fsync"))
}

func TestChineseLettersAreLetters(t *testing.T) {
	t.Parallel()
	require.True(t, value[bool](t, pgtest.New(t), "SELECT '春节任务' ~ '^[[:alpha:]]+$'"))
}

// The helper process starts a server, tells where it is and dies by a panic;
// server and folder must be gone soon after.
func TestNothingIsLeftBehindByAPanic(t *testing.T) {
	t.Parallel()
	const variable = "PGTEST_PANIC"
	if os.Getenv(variable) != "" {
		url := pgtest.New(t)
		os.Stdout.WriteString("data=" + value[string](t, url, "SHOW data_directory") + "\n")
		panic("on purpose")
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestNothingIsLeftBehindByAPanic$")
	cmd.Env = append(os.Environ(), variable+"=1", pgtest.URLVariable+"=")
	out, err := cmd.CombinedOutput()
	require.Error(t, err)
	_, rest, ok := strings.Cut(string(out), "data=")
	require.True(t, ok, string(out))
	data, _, _ := strings.Cut(rest, "\n")
	require.Contains(t, data, "tasksync-pgtest-")
	require.Eventually(t, func() bool {
		_, err := os.Stat(strings.TrimSuffix(data, "/data"))
		return os.IsNotExist(err)
	}, settle, tick)
}
