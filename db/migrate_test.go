package db_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tasksync/db"
	"tasksync/internal/pgtest"
	"tasksync/task"
)

func TestSchemaThatIsNotMigratedIsSaidToBe(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	s, err := db.Open(t.Context(), db.Config{URL: url})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	_, recordErr := s.NextRecordID(t.Context())
	for _, err := range []error{s.Ping(t.Context()), recordErr} {
		require.Equal(t, task.CodeDatabaseUnavailable, task.CodeOf(err))
		require.Contains(t, task.MessageOf(err), "tasksync migrate")
	}
	applied, err := db.Migrate(t.Context(), url)
	require.NoError(t, err)
	require.Positive(t, applied)
	require.NoError(t, s.Ping(t.Context()))
}

func TestSchemaOfAnOlderVersionIsNotReady(t *testing.T) {
	f := setup(t)
	require.NoError(t, f.Ping(f.ctx))
	_, err := f.sql.Exec(f.ctx, "UPDATE goose_db_version SET version_id = version_id + 1")
	require.NoError(t, err)
	require.NoError(t, f.Ping(f.ctx), "a newer schema will do")
	_, err = f.sql.Exec(f.ctx, "UPDATE goose_db_version SET version_id = 0")
	require.NoError(t, err)
	require.Equal(t, task.CodeDatabaseUnavailable, task.CodeOf(f.Ping(f.ctx)))
}

func TestMigrationsCanBeTakenBack(t *testing.T) {
	f := setup(t)
	ours := `SELECT (SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname NOT LIKE 'goose%')
		+ (SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace)`
	before := value[int](f, ours)
	files, err := filepath.Glob("migrations/*.sql")
	require.NoError(t, err)
	slices.Reverse(files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		_, down, found := strings.Cut(string(text), "-- +goose Down\n")
		require.True(t, found, file)
		f.exec(down)
	}
	require.Zero(t, value[int](f, ours), "nothing is left")
	f.exec("DELETE FROM goose_db_version WHERE version_id > 0")
	_, err = db.Migrate(f.ctx, f.url)
	require.NoError(t, err)
	require.Equal(t, before, value[int](f, ours))
}
