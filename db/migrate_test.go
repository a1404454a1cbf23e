package db_test

import (
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
