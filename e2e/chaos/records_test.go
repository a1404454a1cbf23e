package chaos_test

import (
	"tasksync/task"
)

// holdDisturbed holds the runs that were disturbed to what must be true of any.
func (e *episode) holdDisturbed() error {
	for _, r := range e.runs {
		rec, err := e.record(r.id)
		if err != nil {
			return err
		}
		e.records = append(e.records, rec)
		for _, hold := range []func(task.Record) error{e.holdSums, e.holdStatus, e.holdAttempts, e.holdOnlyTrue} {
			if err := hold(rec); err != nil {
				return err
			}
		}
		// A run that says that all is well has everything.
		if e.whole(rec) && !e.plan.has(lies...) {
			if err := e.holdTruth("after the disturbed run, which said that all is well", rec.Window); err != nil {
				return err
			}
		}
	}
	return nil
}

// whole reports whether a record says that everything was read and stored.
func (e *episode) whole(rec task.Record) bool {
	return rec.Status == task.Success || rec.Status == task.Partial && rec.ErrorMessage == ""
}

// sums are a record's counts, made again from what its run left.
type sums struct {
	Fetched, Duplicate, Rejected, Rows, Distinct                 int
	Rejects                                                      int
	Matched, Pending, Failed, Idle                               int
	Batched, New, Updated, Kept                                  int
	BatchMatched, BatchPending, BatchFailed, BatchIdle, Unstored int
	MatchErrors, StoreErrors                                     int
}

const sumsQuery = `
SELECT p.*, (SELECT count(*) FROM (SELECT DISTINCT unnest(ids) FROM sync_pages WHERE record_id = $1) d),
	(SELECT count(*) FROM sync_rejects WHERE record_id = $1), u.*, b.*,
	(SELECT count(*) FROM sync_task_errors WHERE record_id = $1 AND kind = 'match'),
	(SELECT count(*) FROM sync_task_errors WHERE record_id = $1 AND kind = 'store')
FROM (SELECT coalesce(sum(tasks_fetched), 0), coalesce(sum(tasks_duplicate), 0), coalesce(sum(tasks_rejected), 0), coalesce(sum(rows), 0)
		FROM sync_pages WHERE record_id = $1) p,
	(SELECT coalesce(sum(unchanged_matched), 0), coalesce(sum(unchanged_pending), 0), coalesce(sum(unchanged_failed), 0), coalesce(sum(unchanged_idle), 0)
		FROM sync_pages WHERE record_id = $1) u,
	(SELECT coalesce(sum(tasks), 0), coalesce(sum(tasks_new), 0), coalesce(sum(tasks_updated), 0), coalesce(sum(tasks_unchanged), 0),
		coalesce(sum(tasks_matched), 0), coalesce(sum(tasks_pending), 0), coalesce(sum(tasks_failed), 0), coalesce(sum(tasks_idle), 0), coalesce(sum(tasks_unstored), 0)
		FROM sync_batches WHERE record_id = $1) b`

// holdSums holds a record's counts to the sums of DESIGN section 1 and to what
// the run left: pages, batches, rejects and errors.
func (e *episode) holdSums(rec task.Record) error {
	var s sums
	err := e.until("the sums", func() (bool, error) {
		err := e.s.SQL.QueryRow(e.ctx, sumsQuery, rec.ID).Scan(&s.Fetched, &s.Duplicate, &s.Rejected, &s.Rows, &s.Distinct, &s.Rejects,
			&s.Matched, &s.Pending, &s.Failed, &s.Idle, &s.Batched, &s.New, &s.Updated, &s.Kept,
			&s.BatchMatched, &s.BatchPending, &s.BatchFailed, &s.BatchIdle, &s.Unstored, &s.MatchErrors, &s.StoreErrors)
		return err == nil, err
	})
	if err != nil {
		return err
	}
	c := rec.Counts
	unchanged := s.Matched + s.Pending + s.Failed + s.Idle
	for _, line := range []struct {
		what       string
		have, want int
	}{
		{"total by outcome", c.Total, c.Matched + c.Pending + c.Failed + c.Idle},
		{"total by write", c.Total, c.New + c.Updated + c.Rejected + c.Unstored},
		{"total by fetching", c.Total, c.Fetched - c.Duplicate - c.Unprocessed},
		{"fetched", c.Fetched, s.Fetched},
		{"duplicate", c.Duplicate, s.Duplicate},
		{"different ids", c.Fetched - c.Duplicate - c.Rejected, s.Distinct},
		{"rejected", c.Rejected, s.Rejects},
		{"rejected of the pages", c.Rejected, s.Rejected},
		{"rows and unchanged ones", c.Fetched - c.Duplicate - c.Rejected, s.Rows + unchanged},
		{"unprocessed", c.Unprocessed, s.Rows - s.Batched},
		{"new", c.New, s.New},
		{"updated", c.Updated, s.Updated + unchanged},
		{"unchanged", c.Unchanged, s.Kept + unchanged},
		{"matched", c.Matched, s.Matched + s.BatchMatched},
		{"pending", c.Pending, s.Pending + s.BatchPending},
		{"idle", c.Idle, s.Idle + s.BatchIdle},
		{"failed", c.Failed, s.Failed + s.BatchFailed + s.Rejects + s.Unstored},
		{"unstored", c.Unstored, s.StoreErrors},
	} {
		if line.have != line.want {
			e.fail(counts, "record %d: %s is %d, should be %d", rec.ID, line.what, line.have, line.want)
		}
	}
	// Errors are kept with the page, its rows' states with the batch.
	if errors := c.Failed - c.Rejected - c.Unstored; c.Unprocessed == 0 && s.MatchErrors != errors {
		e.fail(counts, "record %d: %d errors of matching are kept for %d tasks", rec.ID, s.MatchErrors, errors)
	}
	return nil
}

// holdStatus holds a record to a status that the strikes allow.
func (e *episode) holdStatus(rec task.Record) error {
	c := rec.Counts
	if rec.Status == task.Success && (c.Unprocessed > 0 || c.Failed > 0 || rec.SourceTotal != nil && *rec.SourceTotal != rec.Distinct) {
		e.fail(other, "record %d is a success and does not balance", rec.ID)
	}
	ordered := e.plan.has("terminate", "cancel")
	if rec.Status == task.Canceled && !e.plan.has("cancel") || rec.ErrorType == task.CodeTerminated && !e.plan.has("terminate") {
		e.fail(other, "record %d is %s (%s) and nobody ordered that", rec.ID, rec.Status, rec.ErrorType)
	}
	hits, source := 0, false
	for _, s := range e.plan.Strikes {
		if s.Faults != nil {
			hits += s.Faults.Times
		}
		source = source || s.Faults != nil || s.Changes != nil
	}
	tolerable := !source || hits <= rec.MaxRetries && e.only(passing)
	if !ordered && tolerable && !e.whole(rec) {
		e.fail(other, "record %d is %s (%s): a run survives this", rec.ID, rec.Status, rec.ErrorMessage)
	}
	if !source && rec.RetryCount != 0 {
		e.fail(tries, "record %d: %d retries, and the source did nothing wrong", rec.ID, rec.RetryCount)
	}
	return nil
}

// only reports whether the strikes of the source are all of these kinds.
func (e *episode) only(names []string) bool {
	for _, s := range e.plan.Strikes {
		if (s.Faults != nil || s.Changes != nil) && !(plan{Strikes: []strike{s}}).has(names...) {
			return false
		}
	}
	return true
}

// holdClean holds a run without faults to the truth: all of it, and the counts
// are those of the stored tasks.
func (e *episode) holdClean(rec task.Record) error {
	e.records = append(e.records, rec)
	if !e.whole(rec) || rec.RetryCount != 0 {
		e.fail(other, "the run without faults is %s (%s), %d retries", rec.Status, rec.ErrorMessage, rec.RetryCount)
	}
	for _, hold := range []func(task.Record) error{e.holdSums, e.holdAttempts} {
		if err := hold(rec); err != nil {
			return err
		}
	}
	if err := e.holdTruth("after the run without faults", rec.Window); err != nil {
		return err
	}
	type states struct{ Total, Matched, Pending, Failed, Idle int }
	rows, err := ask[states](e.lane, `SELECT count(*), count(*) FILTER (WHERE match_state = 'matched'), count(*) FILTER (WHERE match_state = 'pending'),
			count(*) FILTER (WHERE match_state = 'failed'), count(*) FILTER (WHERE match_state = 'idle')
		FROM tasks WHERE source_created_at >= $1 AND source_created_at < $2 AND missing_at IS NULL`, rec.Window.From, rec.Window.To)
	if err != nil {
		return err
	}
	c := rec.Counts
	if have := (states{c.Total, c.Matched, c.Pending, c.Failed, c.Idle}); have != rows[0] {
		e.fail(counts, "record %d counts %+v, the tasks are %+v", rec.ID, have, rows[0])
	}
	return nil
}

// holdInserts holds the runs of an episode that began without tasks to count
// each task as new once, and, if the source did not change, to have written it
// once.
func (e *episode) holdInserts() error {
	if e.plan.Begin != beginEmpty {
		return nil
	}
	n, err := one[int](e.lane, "SELECT coalesce(sum(tasks_new), 0) FROM sync_records WHERE id > $1", e.since)
	if err != nil {
		return err
	}
	tasks, err := one[int](e.lane, "SELECT count(*) FROM tasks")
	if err != nil {
		return err
	}
	if n != tasks {
		e.fail(doubled, "%d tasks are counted as new, %d are there", n, tasks)
	}
	if e.plan.has("drift", "wrong types") {
		return nil
	}
	type row struct{ Text string }
	rows, err := ask[row](e.lane, `SELECT concat_ws(' ', id, name, match_state, match_layer, match_reason, match_version, 'revision', revision)
		FROM tasks WHERE revision <> 1`)
	var again []string
	for _, r := range rows {
		again = append(again, r.Text)
	}
	e.failRows(doubled, "written more than once", again)
	return err
}
