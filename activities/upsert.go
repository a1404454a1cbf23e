package activities

import (
	"cmp"
	"context"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"tasksync/task"
)

type batchStore interface {
	PageRows(ctx context.Context, recordID int64, seq int) (task.ClaimRows, error)
	SaveMatches(ctx context.Context, recordID int64, seq int, matches map[string]task.Match, version int64) error
	BatchOutcomes(ctx context.Context, recordID int64, from, to int) ([]task.BatchOutcome, error)
	SaveBatch(ctx context.Context, b task.Batch) (task.BatchOutcome, error)
	Flush(ctx context.Context) error
}

// ChunkInput names a chunk's pages: from FromSeq up to, not including, ToSeq.
type ChunkInput struct {
	RecordID int64 `json:"record_id"`
	FromSeq  int   `json:"from_seq"`
	ToSeq    int   `json:"to_seq"`
}

// UpsertResult says what was stored.
type UpsertResult struct {
	Batches int `json:"batches"`
	Tasks   int `json:"tasks"`
}

// batchKey names a batch within a record.
type batchKey struct{ seq, no int }

// UpsertChunk stores the chunk's rows, several batches in flight. A batch
// whose outcome exists is not done again.
func (a *Activities) UpsertChunk(ctx context.Context, in ChunkInput) (UpsertResult, error) {
	report, stop := beat(ctx)
	defer stop()
	out, err := a.upsertChunk(ctx, in, report)
	return out, applicationError(ctx, err)
}

// upsertChunk stores what has no outcome yet, waits until that is safe on disk,
// and looks again: a batch that a dying server forgot is stored once more. What
// it answers at last is on disk, whoever stored it.
func (a *Activities) upsertChunk(ctx context.Context, in ChunkInput, report func(Progress)) (out UpsertResult, err error) {
	heads, err := a.store.PageHeads(ctx, in.RecordID, in.FromSeq, in.ToSeq)
	if err != nil {
		return out, err
	}
	run := runOf(ctx, in.RecordID)
	sizes := make(map[int]int, len(heads))
	for flushed := false; ; flushed = true {
		outcomes, err := a.store.BatchOutcomes(ctx, in.RecordID, in.FromSeq, in.ToSeq)
		if err != nil {
			return out, err
		}
		saved, err := a.upsertMissing(ctx, run, heads, sizes, outcomes, report)
		if err != nil {
			return out, err
		}
		if flushed && saved == 0 {
			for _, h := range heads {
				a.pages.forget(run, h.Seq)
			}
			for _, o := range outcomes {
				out.Batches++
				out.Tasks += o.Tasks
			}
			return out, nil
		}
		if err := a.store.Flush(ctx); err != nil {
			return out, err
		}
	}
}

// upsertMissing stores the batches without an outcome and answers how many.
// Sizes keeps how many batches each page has, so that a page is read once where
// nothing is lost.
func (a *Activities) upsertMissing(
	ctx context.Context, run runKey, heads []task.ClaimHead, sizes map[int]int, outcomes []task.BatchOutcome, report func(Progress),
) (saved int, err error) {
	matcher, err := a.matchers.current(ctx)
	if err != nil {
		return 0, err
	}
	done, stored := make(map[batchKey]bool, len(outcomes)), make(map[int]int, len(heads))
	for _, o := range outcomes {
		done[batchKey{o.PageSeq, o.No}] = true
		stored[o.PageSeq]++
	}
	var tasks atomic.Int64
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(a.cfg.Connections)
	for i, h := range heads {
		if size, known := sizes[h.Seq]; h.Rows == 0 || known && stored[h.Seq] == size || inner.Err() != nil {
			continue
		}
		page, err := a.pages.get(inner, run, h)
		if err != nil {
			group.Go(func() error { return err })
			break
		}
		sizes[h.Seq] = len(page.Batches)
		for no, rows := range page.Batches {
			if done[batchKey{h.Seq, no}] {
				continue
			}
			saved++
			group.Go(func() error {
				select {
				case a.batches <- struct{}{}:
					defer func() { <-a.batches }()
				case <-inner.Done():
					return inner.Err()
				}
				_, err := a.store.SaveBatch(inner, a.batch(run.recordID, h.Seq, no, page, matcher))
				report(Progress{Pages: i, Tasks: int(tasks.Add(int64(len(rows))))})
				return err
			})
		}
	}
	// A worker that stops has skipped pages without any batch that failed.
	return saved, cmp.Or(group.Wait(), ctx.Err())
}

// batch gives each row its match: by the layers that need no search, else what
// the search decided. A task for which the packages changed in between, so that
// the search has not seen it, is pending until the next run.
func (a *Activities) batch(recordID int64, seq, no int, page task.ClaimRows, matcher Matcher) task.Batch {
	rows := page.Batches[no]
	b := task.Batch{
		RecordID: recordID, PageSeq: seq, No: no, FetchedAt: page.FetchedAt, Rows: make([]task.Row, len(rows)), New: no < page.NewBatches,
		PackagesVersion: matcher.Version(), NormVersion: a.cfg.NormVersion,
	}
	for i := range rows {
		row := task.Row{Task: rows[i].Task}
		m, decided := lookup(&rows[i], page.PackagesVersion, matcher)
		if !decided {
			found, searched := page.Matches[row.Task.ID]
			if searched {
				m, row.SearchedVersion = found, page.MatchesVersion
			} else {
				m = task.Match{State: task.Pending}
			}
		}
		row.Match = m
		b.Rows[i] = row
	}
	return b
}
