package e2e_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"tasksync/internal/systest"
	"tasksync/task"
)

// The disk of the database is full in the middle of a run: the run waits and
// goes on when there is room again.
func TestDiskIsFull(t *testing.T) {
	t.Parallel()
	s := systest.Start(t, systest.WithTasksPerDay(2000), systest.WithOwnPostgres(nil),
		systest.WithEnv(systest.Worker, "TASKSYNC_PAGE_SIZE=200"))
	s.FreezeClock(time.Now())
	free := fillDisk(t, s)
	id := start(t, s, task.Historical)
	s.Eventually("a refused attempt", func() bool {
		for _, a := range attempts(t, s, id) {
			require.Equal(t, task.AttemptInfrastructure, a.Kind, a.Error)
			if a.Code == task.CodeDatabaseUnavailable {
				return true
			}
		}
		return false
	})
	require.Equal(t, task.Running, s.Record(id).Status)
	free()
	requireExact(t, s, s.WaitRecord(id))
}

// fillDisk leaves no room for tasks until free is called. As root it is a real
// full file system; without the right to mount one, PostgreSQL is told to
// answer what it answers on a full disk.
func fillDisk(t *testing.T, s *systest.System) (free func()) {
	t.Helper()
	exec := func(sql string) {
		_, err := s.SQL.Exec(t.Context(), sql)
		require.NoError(t, err, sql)
	}
	dir := filepath.Join(s.Postgres.Dir(), "small")
	require.NoError(t, os.Mkdir(dir, 0o755))
	err := mountTmpfs(dir, "size=2m")
	if err != nil {
		t.Logf("no file system of the test's own: %v", err)
		exec(`CREATE FUNCTION disk_full() RETURNS trigger LANGUAGE plpgsql AS $$
			BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$`)
		exec("CREATE TRIGGER disk_full BEFORE INSERT ON tasks FOR EACH STATEMENT EXECUTE FUNCTION disk_full()")
		return func() { exec("DROP TRIGGER disk_full ON tasks") }
	}
	// Lazily: the server that has files open there is killed after this.
	t.Cleanup(func() { require.NoError(t, unmount(dir)) })
	space := filepath.Join(dir, "space")
	require.NoError(t, os.Mkdir(space, 0o700))
	require.NoError(t, s.Postgres.Account().Own(space))
	exec("CREATE TABLESPACE small LOCATION '" + space + "'")
	exec("ALTER TABLE tasks SET TABLESPACE small")
	exec("ALTER INDEX tasks_pkey SET TABLESPACE small")
	filler := filepath.Join(dir, "filler")
	require.ErrorIs(t, os.WriteFile(filler, make([]byte, 4<<20), 0o600), syscall.ENOSPC)
	return func() {
		require.NoError(t, mountTmpfs(dir, "remount,size=256m"))
		require.NoError(t, os.Remove(filler))
	}
}

// Others have taken all of the server's connections: whoever needs one waits.
func TestServerHasNoConnectionLeft(t *testing.T) {
	t.Parallel()
	s := systest.Start(t, systest.WithOwnPostgres(map[string]string{"max_connections": "30"}))
	held := s.Hold(systest.Upsert)
	id := start(t, s, task.Historical)
	held.Wait()
	release := takeConnections(t, s)
	requireUnavailable(t, s, "database_unavailable", "/api/sync/records", "/api/sync/status")
	release()
	held.Release()
	s.WaitReady()
	requireExact(t, s, s.WaitRecord(id))
	require.Positive(t, systest.Value[int](s, "SELECT count(*) FROM sync_attempts WHERE record_id = $1 AND error_type = 'database_unavailable'", id))
}

// takeConnections takes every connection of the server, also those that
// tasksync has, which reconnects as fast as it can.
func takeConnections(t *testing.T, s *systest.System) (release func()) {
	t.Helper()
	var taken []*pgx.Conn
	s.Eventually("all connections to be taken", func() bool {
		conn, err := pgx.Connect(t.Context(), s.DatabaseURL)
		if err == nil {
			taken = append(taken, conn)
			return false
		}
		var refused *pgconn.PgError
		require.ErrorAs(t, err, &refused)
		require.Equal(t, "53300", refused.Code)
		var others int
		require.NoError(t, taken[0].QueryRow(t.Context(), `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
			WHERE application_name = 'tasksync' AND datname = current_database()`).Scan(&others))
		return others == 0
	})
	return func() {
		for _, conn := range taken {
			_ = conn.Close(context.WithoutCancel(t.Context()))
		}
	}
}

// All of the worker's connections wait for a lock that somebody holds.
func TestOwnPoolIsBusy(t *testing.T) {
	t.Parallel()
	s := systest.Start(t, systest.WithTasksPerDay(500), systest.WithEnv(systest.Worker, "TASKSYNC_UPSERT_CONNECTIONS=2"))
	s.FreezeClock(time.Now())
	tx, err := s.SQL.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "LOCK TABLE sync_batches, tasks IN SHARE MODE")
	require.NoError(t, err)
	ids := []int64{start(t, s, task.Historical), start(t, s, task.Today)}
	s.Eventually("connections that wait", func() bool {
		return systest.Value[int](s, `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND application_name = 'tasksync' AND wait_event_type = 'Lock'`) >= 2
	})
	require.Equal(t, 200, s.Get("/api/sync/records").Status, "the API has connections of its own")
	require.NoError(t, tx.Rollback(t.Context()))
	for _, id := range ids {
		rec := s.WaitRecord(id)
		require.Contains(t, []task.Status{task.Success, task.Partial}, rec.Status, rec.ErrorMessage)
		require.Zero(t, rec.RetryCount)
		requireSums(t, rec)
		requireTruth(t, s, rec)
	}
}

// A database that takes the question and does not answer: callers are told so,
// however many they are, and the API recovers by itself.
func TestDatabaseThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	s := systest.Start(t, systest.WithoutWorker())
	tx, err := s.SQL.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "LOCK TABLE sync_records IN ACCESS EXCLUSIVE MODE")
	require.NoError(t, err)
	// More than the API has connections.
	var answers [20]chan systest.Answer
	for i := range answers {
		answers[i] = make(chan systest.Answer, 1)
		go func() {
			a, err := s.Try(t.Context(), http.MethodGet, s.APIURL+"/api/sync/records", "")
			if err != nil {
				a.Text = err.Error()
			}
			answers[i] <- a
		}()
	}
	for _, answer := range answers {
		a := <-answer
		require.Equal(t, http.StatusServiceUnavailable, a.Status, a.Text)
		require.Equal(t, "database_unavailable", a.Str("error_type"))
		require.Contains(t, a.Str("error"), "没有及时回答")
	}
	require.NoError(t, tx.Rollback(t.Context()))
	require.Equal(t, http.StatusOK, s.Get("/api/sync/records").Status)
}
