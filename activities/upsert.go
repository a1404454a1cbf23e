package activities

import (
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
	if err := a.upsertChunk(ctx, in, report); err != nil {
		return UpsertResult{}, applicationError(ctx, err)
	}
	// What is stored counts, whoever stored it.
	outcomes, err := a.store.BatchOutcomes(ctx, in.RecordID, in.FromSeq, in.ToSeq)
	if err != nil {
		return UpsertResult{}, applicationError(ctx, err)
	}
	out := UpsertResult{Batches: len(outcomes)}
	for _, o := range outcomes {
		out.Tasks += o.Tasks
	}
	return out, nil
}

func (a *Activities) upsertChunk(ctx context.Context, in ChunkInput, report func(Progress)) error {
	matcher, err := a.matchers.current(ctx)
	if err != nil {
		return err
	}
	heads, err := a.store.PageHeads(ctx, in.RecordID, in.FromSeq, in.ToSeq)
	if err != nil {
		return err
	}
	outcomes, err := a.store.BatchOutcomes(ctx, in.RecordID, in.FromSeq, in.ToSeq)
	if err != nil {
		return err
	}
	done := make(map[batchKey]bool, len(outcomes))
	for _, o := range outcomes {
		done[batchKey{o.PageSeq, o.No}] = true
	}
	var tasks atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(a.cfg.Connections)
	for i, h := range heads {
		if h.Rows == 0 || ctx.Err() != nil {
			continue
		}
		page, err := a.store.PageRows(ctx, in.RecordID, h.Seq)
		if err != nil {
			group.Go(func() error { return err })
			break
		}
		for no, rows := range page.Batches {
			if done[batchKey{h.Seq, no}] {
				continue
			}
			group.Go(func() error {
				select {
				case a.batches <- struct{}{}:
					defer func() { <-a.batches }()
				case <-ctx.Done():
					return ctx.Err()
				}
				_, err := a.store.SaveBatch(ctx, a.batch(in.RecordID, h.Seq, no, page, matcher))
				report(Progress{Pages: i, Tasks: int(tasks.Add(int64(len(rows))))})
				return err
			})
		}
	}
	return group.Wait()
}

// batch gives each row its match: by the layers that need no search, else what
// the search decided. A task for which the packages changed in between, so that
// the search has not seen it, is pending until the next run.
func (a *Activities) batch(recordID int64, seq, no int, page task.ClaimRows, matcher Matcher) task.Batch {
	tasks := page.Batches[no]
	b := task.Batch{
		RecordID: recordID, PageSeq: seq, No: no, FetchedAt: page.FetchedAt, Rows: make([]task.Row, len(tasks)), New: no < page.NewBatches,
		PackagesVersion: matcher.Version(), NormVersion: a.cfg.NormVersion,
	}
	for i, t := range tasks {
		row := task.Row{Task: t}
		m, decided := matcher.Lookup(t.Name, t.PackageRef)
		if !decided {
			found, searched := page.Matches[t.ID]
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
