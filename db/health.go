package db

import (
	"context"
	"time"

	"tasksync/task"
)

// Server asks the database server about itself, whatever the schema.
func (s *Store) Server(ctx context.Context, zone *time.Location) (task.DatabaseServer, error) {
	var out task.DatabaseServer
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return out, translate(ctx, err)
	}
	defer conn.Release()
	var (
		now                            time.Time
		reserved                       int
		fsync, pageWrites, synchronous string
	)
	asked := time.Now()
	if err := conn.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&now); err != nil {
		return out, translate(ctx, err)
	}
	out.ClockAhead = now.Sub(asked.Add(time.Since(asked) / 2))
	err = conn.QueryRow(ctx, `SELECT to_char(clock_timestamp() AT TIME ZONE $1, 'YYYY-MM-DD HH24'),
		current_setting('max_connections')::int, current_setting('superuser_reserved_connections')::int,
		(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
		current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit'),
		pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on'`, zone.String()).
		Scan(&out.ZoneNow, &out.MaxConnections, &reserved, &out.InUse, &fsync, &pageWrites, &synchronous, &out.ReadOnly)
	if err != nil {
		return out, translate(ctx, err)
	}
	out.OurZoneNow = now.In(zone).Format("2006-01-02 15")
	out.MaxConnections -= reserved
	for _, risk := range []struct{ name, value string }{
		{"fsync", fsync}, {"full_page_writes", pageWrites}, {"synchronous_commit", synchronous},
	} {
		if risk.value == "off" {
			out.Risky = append(out.Risky, risk.name+" = off")
		}
	}
	return out, nil
}

// Schema is the version that the schema has, 0 for none, and the one that this
// program needs.
func (s *Store) Schema(ctx context.Context) (have, want int64, err error) {
	err = s.pool.QueryRow(ctx, "SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied").Scan(&have)
	if isOutdated(err) {
		have, err = 0, nil
	}
	return have, newestMigration(), translate(ctx, err)
}

// RecordIDs is where the sequence of record ids stands.
func (s *Store) RecordIDs(ctx context.Context) (task.Sequence, error) {
	var out task.Sequence
	err := s.pool.QueryRow(ctx, "SELECT last_value + is_called::int FROM sync_records_id_seq").Scan(&out.Next)
	if err != nil {
		return out, translate(ctx, err)
	}
	out.Largest, err = s.q.LargestRecordID(ctx)
	return out, translate(ctx, err)
}

// SkipRecordIDs makes the sequence hand out only ids above the given one. It
// never goes back.
func (s *Store) SkipRecordIDs(ctx context.Context, above int64) error {
	_, err := s.pool.Exec(ctx, "SELECT setval('sync_records_id_seq', greatest(last_value, $1)) FROM sync_records_id_seq", above)
	return translate(ctx, err)
}

// WrongSums are the first hundred finished records whose numbers contradict each
// other.
func (s *Store) WrongSums(ctx context.Context) ([]task.WrongSums, error) {
	rows, err := s.q.WrongSums(ctx)
	out := make([]task.WrongSums, len(rows))
	for i, r := range rows {
		out[i] = task.WrongSums{RecordID: r.ID, Status: task.Status(r.Status), Sums: r.Sums, Parts: r.Parts, Green: r.Green}
	}
	return out, translate(ctx, err)
}

// LeftClaims are the first hundred finished records that still have rows to hand
// on.
func (s *Store) LeftClaims(ctx context.Context) ([]task.LeftClaim, error) {
	rows, err := s.q.LeftClaims(ctx)
	out := make([]task.LeftClaim, len(rows))
	for i, r := range rows {
		out[i] = task.LeftClaim{
			RecordID: r.ID, Status: task.Status(r.Status), WorkflowID: r.WorkflowID, FirstRunID: r.FirstRunID,
			Unprocessed: int(r.TasksUnprocessed), Bytes: r.Bytes,
		}
	}
	return out, translate(ctx, err)
}

// DropClaims drops the rows that a record still has to hand on.
func (s *Store) DropClaims(ctx context.Context, recordID int64) error {
	return translate(ctx, s.q.DropClaims(ctx, recordID))
}

// PackagesVersions compares the counter of package changes with what matching
// has written down.
func (s *Store) PackagesVersions(ctx context.Context) (task.PackagesVersion, error) {
	row, err := s.q.PackagesVersions(ctx)
	return task.PackagesVersion{Version: row.Version, Seen: row.Seen}, translate(ctx, err)
}

// RaisePackagesVersion sets the counter of package changes to at least version.
func (s *Store) RaisePackagesVersion(ctx context.Context, version int64) error {
	return translate(ctx, s.q.RaisePackagesVersion(ctx, version))
}

// Statuses are how those of the records stand that are there.
func (s *Store) Statuses(ctx context.Context, ids []int64) (map[int64]task.Ending, error) {
	rows, err := s.q.RecordStatuses(ctx, ids)
	out := make(map[int64]task.Ending, len(rows))
	for _, r := range rows {
		out[r.ID] = task.Ending{Status: task.Status(r.Status)}
		if r.ErrorType != nil {
			out[r.ID] = task.Ending{Status: task.Status(r.Status), Code: task.Code(*r.ErrorType)}
		}
	}
	return out, translate(ctx, err)
}
