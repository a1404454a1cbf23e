package db

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"tasksync/db/dbsqlc"
	"tasksync/task"
)

const (
	// conflictTries is how often a deadlock or serialization failure is tried
	// again at once.
	conflictTries = 5
	// passingTries is how often any other passing error of a batch is tried
	// again before the batch fails its own tasks.
	passingTries = 3
	passingWait  = 100 * time.Millisecond
)

var errProbe = errors.New("probe is rolled back")

// SaveBatch commits one batch with its outcome and answers the outcome. A batch
// that another executor committed is not done again: its outcome is answered
// with 0 tasks. Rows that the database refuses fail alone; a batch that fails
// as a whole fails its own tasks. It fails with task.CodeRecordClosed if the
// record is not running and with task.CodeDatabaseUnavailable if the database
// is away.
//
// The commit does not wait for the disk: a server that dies within the next
// moments forgets the batch, its outcome with it. Flush waits.
func (s *Store) SaveBatch(ctx context.Context, b task.Batch) (task.BatchOutcome, error) {
	out, err := s.saveWithRetry(ctx, b)
	if err == nil || !refused(ctx, err) {
		return out, translate(ctx, err)
	}
	if isBadData(err) {
		if b, err = s.withoutRefused(ctx, b); err != nil {
			return task.BatchOutcome{}, translate(ctx, err)
		}
		// The statement that the rows were tried with.
		b.New = false
		if out, err = s.saveWithRetry(ctx, b); err == nil || !refused(ctx, err) {
			return out, translate(ctx, err)
		}
	}
	all := slices.Clip(b.Unstored)
	for _, r := range b.Rows {
		all = append(all, unstored(r, err))
	}
	b.Rows, b.Unstored = nil, all
	out, err = s.saveOnce(ctx, b)
	return out, translate(ctx, err)
}

// refused reports that the database was there, the record running, and the batch
// not taken.
func refused(ctx context.Context, err error) bool {
	var known *task.Error
	return ctx.Err() == nil && !isUnavailable(err) && !isClosed(err) && !errors.As(err, &known)
}

func unstored(r task.Row, err error) task.Refusal {
	return task.Refusal{TaskID: r.Task.ID, TaskName: r.Task.Name, Kind: task.ErrorStore, Error: refusal(err)}
}

func (s *Store) saveWithRetry(ctx context.Context, b task.Batch) (out task.BatchOutcome, err error) {
	conflicts, others := 0, 0
	for {
		out, err = s.saveOnce(ctx, b)
		switch {
		case err == nil || !refused(ctx, err) || isBadData(err):
			return out, err
		case isConflict(err) && conflicts < conflictTries:
			conflicts++
		case !isConflict(err) && others < passingTries:
			others++
		default:
			return out, err
		}
		select {
		case <-ctx.Done():
			return out, ctx.Err()
		case <-time.After(passingWait):
		}
	}
}

// withoutRefused finds the rows that the database refuses, by storing them one
// by one under savepoints in a transaction that is rolled back, and moves them
// to Unstored.
func (s *Store) withoutRefused(ctx context.Context, b task.Batch) (task.Batch, error) {
	good := make([]task.Row, 0, len(b.Rows))
	bad := slices.Clip(b.Unstored)
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		for _, r := range b.Rows {
			one := b
			one.Rows, one.Unstored = []task.Row{r}, nil
			err := pgx.BeginFunc(ctx, tx, func(savepoint pgx.Tx) error {
				if _, err := upsertBatch(ctx, s.q.WithTx(savepoint), one); err != nil {
					return err
				}
				return errProbe
			})
			switch {
			case errors.Is(err, errProbe):
				good = append(good, r)
			case refused(ctx, err) && isBadData(err):
				bad = append(bad, unstored(r, err))
			default:
				return err
			}
		}
		return errProbe
	})
	if !errors.Is(err, errProbe) {
		return b, err
	}
	b.Rows, b.Unstored = good, bad
	return b, nil
}

// saveOnce copies a batch of new tasks, and upserts any other, and a new one
// that met a stored task too.
func (s *Store) saveOnce(ctx context.Context, b task.Batch) (task.BatchOutcome, error) {
	if !b.New || len(b.Rows) == 0 {
		return upsertBatch(ctx, s.q, b)
	}
	err := s.copyBatch(ctx, b)
	if isTaskExists(err) {
		return upsertBatch(ctx, s.q, b)
	}
	return outcome(b, len(b.Rows)+len(b.Unstored), err)
}

func upsertBatch(ctx context.Context, q *dbsqlc.Queries, b task.Batch) (task.BatchOutcome, error) {
	tasks, err := q.UpsertBatch(ctx, batchParams(b))
	return outcome(b, int(tasks), err)
}

// outcome is what came of a batch; of one that was committed before, 0 tasks.
func outcome(b task.Batch, tasks int, err error) (task.BatchOutcome, error) {
	out := task.BatchOutcome{PageSeq: b.PageSeq, No: b.No}
	if err == nil {
		out.Tasks = tasks
	}
	if isOutcomeExists(err) {
		err = nil
	}
	return out, err
}

func batchParams(b task.Batch) dbsqlc.UpsertBatchParams {
	n := len(b.Rows)
	p := dbsqlc.UpsertBatchParams{
		RecordID: b.RecordID, PageSeq: int32(b.PageSeq), No: int32(b.No), Unstored: int32(len(b.Unstored)),
		PackagesVersion: b.PackagesVersion, NormVersion: b.NormVersion, FetchedAt: b.FetchedAt,
		Ids: make([]string, n), Names: make([]string, n), Refs: make([]string, n), States: make([]string, n),
		Totals: make([]int64, n), Called: make([]int64, n), Connected: make([]int64, n), Succeeded: make([]int64, n),
		SourceCreatedAts: make([]time.Time, n), Attributes: make([]string, n), Hashes: make([][]byte, n),
		MatchStates: make([]string, n), PackageIds: make([]int64, n), Layers: make([]int16, n), Reasons: make([]string, n),
		MatchVersions: make([]int64, n),
	}
	for i := range b.Rows {
		t, m := &b.Rows[i].Task, b.Rows[i].Match
		hash := t.Hash()
		p.Ids[i], p.Names[i], p.Refs[i], p.States[i] = t.ID, t.Name, t.PackageRef, t.State
		p.Totals[i], p.Called[i], p.Connected[i], p.Succeeded[i] = t.Total, t.Called, t.Connected, t.Succeeded
		p.SourceCreatedAts[i], p.Attributes[i], p.Hashes[i] = t.CreatedAt, string(t.Attributes), hash[:]
		p.MatchStates[i], p.PackageIds[i], p.Layers[i], p.Reasons[i] = string(m.State), m.PackageID, int16(m.Layer), m.Reason
		p.MatchVersions[i] = b.Rows[i].SearchedVersion
	}
	p.ErrorIds, p.ErrorNames, p.ErrorKinds, p.Errors = errorColumns(refusals(b))
	return p
}

// refusals are the batch's tasks that fail: those that the database refused and
// those without a usable package.
func refusals(b task.Batch) []task.Refusal {
	errs := slices.Clip(b.Unstored)
	for i := range b.Rows {
		if t, m := &b.Rows[i].Task, &b.Rows[i].Match; m.State == task.MatchFailed {
			errs = append(errs, task.Refusal{TaskID: t.ID, TaskName: t.Name, Kind: task.ErrorMatch, Error: m.Reason})
		}
	}
	return errs
}

// Flush waits until every batch that was committed before is safe on disk. What
// BatchOutcomes answers afterwards stays.
func (s *Store) Flush(ctx context.Context) error {
	return translate(ctx, s.q.Flush(ctx))
}

// BatchOutcomes are the committed batches of a record's pages from seq from up
// to, not including, to.
func (s *Store) BatchOutcomes(ctx context.Context, recordID int64, from, to int) ([]task.BatchOutcome, error) {
	rows, err := s.q.BatchOutcomes(ctx, dbsqlc.BatchOutcomesParams{RecordID: recordID, FromSeq: int32(from), ToSeq: int32(to)})
	if err != nil {
		return nil, translate(ctx, err)
	}
	outcomes := make([]task.BatchOutcome, len(rows))
	for i, r := range rows {
		outcomes[i] = task.BatchOutcome{PageSeq: int(r.PageSeq), No: int(r.No), Tasks: int(r.Tasks)}
	}
	return outcomes, nil
}

// StoredTasks are what the database has of the given tasks, by id. Ids that it
// does not know are not in the map.
func (s *Store) StoredTasks(ctx context.Context, ids []string) (map[string]task.Stored, error) {
	rows, err := s.q.StoredTasks(ctx, ids)
	if err != nil {
		return nil, translate(ctx, err)
	}
	stored := make(map[string]task.Stored, len(rows))
	for _, r := range rows {
		st := task.Stored{
			Hash:    r.ContentHash,
			Missing: r.MissingAt != nil,
			Match: task.Match{
				State: task.MatchState(r.MatchState), PackageID: r.PackageID, Layer: task.Layer(r.MatchLayer), Reason: r.MatchReason,
			},
		}
		if r.MatchVersion != nil {
			st.SearchedVersion = *r.MatchVersion
		}
		stored[r.ID] = st
	}
	return stored, nil
}
