package db_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tasksync/task"
)

func TestServer(t *testing.T) {
	f := setup(t)
	s, err := f.Server(f.ctx, shanghai)
	require.NoError(t, err)
	require.Less(t, s.ClockAhead.Abs(), time.Second, "the same machine has the same clock")
	require.Equal(t, s.OurZoneNow, s.ZoneNow)
	require.Greater(t, s.MaxConnections, s.InUse)
	require.Positive(t, s.InUse)
	require.Contains(t, s.Risky, "fsync = off", "the tests' server does not wait for the disk")
	require.False(t, s.ReadOnly)
}

func TestSchema(t *testing.T) {
	f := setup(t)
	have, want, err := f.Schema(f.ctx)
	require.NoError(t, err)
	require.Equal(t, want, have)
	f.exec("DROP TABLE goose_db_version")
	have, _, err = f.Schema(f.ctx)
	require.NoError(t, err)
	require.Zero(t, have, "a database that was never migrated")
}

func TestRecordIDsAreSkippedAndNeverGoBack(t *testing.T) {
	f := setup(t)
	ids := func() task.Sequence {
		s, err := f.RecordIDs(f.ctx)
		require.NoError(t, err)
		return s
	}
	require.Equal(t, task.Sequence{Next: 1}, ids())
	rec := f.record(task.Today)
	require.Equal(t, task.Sequence{Next: 2, Largest: rec.ID}, ids())
	f.exec("UPDATE sync_records SET id = 50")
	require.Equal(t, task.Sequence{Next: 2, Largest: 50}, ids())
	require.NoError(t, f.SkipRecordIDs(f.ctx, 50))
	next, err := f.NextRecordID(f.ctx)
	require.NoError(t, err)
	require.EqualValues(t, 51, next)
	require.NoError(t, f.SkipRecordIDs(f.ctx, 10))
	require.EqualValues(t, 52, ids().Next)
}

func TestWrongSums(t *testing.T) {
	f := setup(t)
	wrong := func() []task.WrongSums {
		w, err := f.WrongSums(f.ctx)
		require.NoError(t, err)
		return w
	}
	rec := f.record(task.Today)
	f.store(rec, 0, rows(1, 60, nil), task.StateCounts{Pending: 3})
	left := f.record(task.Today)
	f.savePage(left, 0, rows(100, 120, nil), task.StateCounts{})
	require.Empty(t, wrong(), "running records have no sums")
	f.close(rec)
	f.close(left)
	require.Empty(t, wrong())

	f.exec("UPDATE sync_batches SET tasks_new = tasks_new - 1, tasks_updated = tasks_updated + 1 WHERE record_id = $1 AND no = 0", rec.ID)
	require.Equal(t, []task.WrongSums{{RecordID: rec.ID, Status: task.Success, Parts: true}}, wrong())
	f.exec("ALTER TABLE sync_records DROP CONSTRAINT sync_records_outcomes, DROP CONSTRAINT sync_records_balance")
	f.exec("UPDATE sync_records SET tasks_matched = tasks_matched - 1, source_total = 1 WHERE id = $1", rec.ID)
	require.Equal(t, []task.WrongSums{{RecordID: rec.ID, Status: task.Success, Sums: true, Parts: true, Green: true}}, wrong())
}

func TestLeftClaims(t *testing.T) {
	f := setup(t)
	good := f.record(task.Today)
	f.store(good, 0, rows(1, 50, nil), task.StateCounts{})
	f.close(good)
	failed := f.record(task.Historical)
	f.savePage(failed, 0, rows(100, 120, nil), task.StateCounts{})
	c := f.closing(failed)
	c.Status = task.Failed
	_, err := f.CloseRecord(f.ctx, c)
	require.NoError(t, err)
	running := f.record(task.Today)
	f.savePage(running, 0, rows(200, 220, nil), task.StateCounts{})

	left, err := f.LeftClaims(f.ctx)
	require.NoError(t, err)
	require.Len(t, left, 1, "a running record needs its claims")
	require.Equal(t, failed.ID, left[0].RecordID)
	require.Equal(t, 21, left[0].Unprocessed)
	require.Positive(t, left[0].Bytes)
	require.NoError(t, f.DropClaims(f.ctx, failed.ID))
	left, err = f.LeftClaims(f.ctx)
	require.NoError(t, err)
	require.Empty(t, left)
	require.Equal(t, 1, value[int](f, "SELECT count(*) FROM sync_pages WHERE payload IS NOT NULL"))
}

func TestPackagesVersions(t *testing.T) {
	f := setup(t)
	versions := func() task.PackagesVersion {
		v, err := f.PackagesVersions(f.ctx)
		require.NoError(t, err)
		return v
	}
	require.Equal(t, task.PackagesVersion{Version: 1}, versions())
	rec := f.record(task.Today)
	f.store(rec, 0, rows(1, 2, nil), task.StateCounts{})
	require.Equal(t, task.PackagesVersion{Version: 1, Seen: 1}, versions())
	f.exec("UPDATE sync_batches SET packages_version = 7")
	require.EqualValues(t, 7, versions().Seen)
	require.NoError(t, f.RaisePackagesVersion(f.ctx, 8))
	require.EqualValues(t, 8, versions().Version)
	require.NoError(t, f.RaisePackagesVersion(f.ctx, 3))
	require.EqualValues(t, 8, versions().Version, "it never goes back")
	f.exec("DELETE FROM packages_version")
	require.Zero(t, versions().Version)
	require.NoError(t, f.RaisePackagesVersion(f.ctx, 8))
	require.EqualValues(t, 8, versions().Version)
}

func TestStatuses(t *testing.T) {
	f := setup(t)
	rec := f.record(task.Today)
	statuses, err := f.Statuses(f.ctx, []int64{rec.ID, rec.ID + 1})
	require.NoError(t, err)
	require.Equal(t, map[int64]task.Ending{rec.ID: {Status: task.Running}}, statuses)
	f.exec("UPDATE sync_records SET error_type = 'terminated'")
	statuses, err = f.Statuses(f.ctx, []int64{rec.ID})
	require.NoError(t, err)
	require.Equal(t, task.CodeTerminated, statuses[rec.ID].Code)
}
