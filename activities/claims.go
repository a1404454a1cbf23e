package activities

import (
	"bytes"
	"cmp"
	"context"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tasksync/task"
)

// comparedAhead is how many pages are compared with the store while an earlier
// one is kept.
const comparedAhead = 2

// chunkRows is how many rows to write end a chunk: about what the page cache
// keeps of the chunks in flight. Without rows, pages cost nothing to keep.
const chunkRows = 25_000

// claims reads up to in.Pages pages, or until chunkRows rows are to be written or
// 10 seconds have passed, from seq and cursor on, and yields what is to be kept
// of each, in order. Known has seen all that was yielded once the loop has ended
// by itself.
func (a *Activities) claims(ctx context.Context, in FetchInput, seq int, cursor string, known *seen, matcher Matcher) iter.Seq2[task.Claim, error] {
	type result struct {
		claim task.Claim
		err   error
	}
	return func(yield func(task.Claim, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var (
			running sync.WaitGroup
			rows    atomic.Int64
		)
		defer running.Wait()
		defer cancel()
		ahead := make(chan chan result, comparedAhead)
		running.Go(func() {
			defer close(ahead)
			started := time.Now()
			for page, err := range a.source.Pages(ctx, in.Window, cursor) {
				into := make(chan result, 1)
				select {
				case ahead <- into:
				case <-ctx.Done():
					return
				}
				if err != nil {
					into <- result{err: err}
					return
				}
				claim := task.Claim{
					RecordID: in.RecordID, Seq: seq, Pass: in.Pass, Span: page.Span, SpanTotal: page.Total, Next: page.Next, FetchedAt: page.FetchedAt,
				}
				// In the order of the pages: the first to have an id keeps it.
				tasks := known.entries(page, &claim)
				running.Go(func() {
					err := a.compare(ctx, &claim, tasks, in.BatchSize, matcher)
					rows.Add(int64(claim.Rows()))
					into <- result{claim, err}
				})
				if seq++; seq-in.Seq >= in.Pages || rows.Load() >= chunkRows || time.Since(started) >= chunkTime {
					return
				}
			}
		})
		for from := range ahead {
			if got := <-from; !yield(got.claim, got.err) || got.err != nil {
				return
			}
		}
	}
}

// compare looks up what is stored of a page's tasks and claims only the rows to
// write.
func (a *Activities) compare(ctx context.Context, claim *task.Claim, tasks []task.Task, batchSize int, matcher Matcher) error {
	ids := make([]string, len(tasks))
	for i := range tasks {
		ids[i] = tasks[i].ID
	}
	stored, err := a.store.StoredTasks(ctx, ids)
	if err != nil {
		return err
	}
	claim.PackagesVersion = matcher.Version()
	var fresh, changed []task.Row
	if len(stored) == 0 {
		fresh = make([]task.Row, 0, len(tasks))
	}
	for i := range tasks {
		t := &tasks[i]
		want, decided := matcher.Lookup(t.Name, t.PackageRef)
		have, isStored := stored[t.ID]
		if isStored && !needsWrite(t, have, want, decided, matcher.Version()) {
			claim.Unchanged.Add(have.Match.State)
			if have.Match.State == task.MatchFailed {
				claim.Errors = append(claim.Errors, task.Refusal{TaskID: t.ID, TaskName: t.Name, Kind: task.ErrorMatch, Error: have.Match.Reason})
			}
			continue
		}
		row := task.Row{Task: *t, Match: want}
		if !decided {
			row.Match = task.Match{}
			claim.Undecided++
		}
		if isStored {
			changed = append(changed, row)
		} else {
			fresh = append(fresh, row)
		}
	}
	claim.Batches = batches(fresh, batchSize)
	claim.NewBatches = len(claim.Batches)
	claim.Batches = append(claim.Batches, batches(changed, batchSize)...)
	return nil
}

// batches cuts rows. They are sorted, so that all writers lock them in one
// order.
func batches(rows []task.Row, size int) [][]task.Row {
	slices.SortFunc(rows, func(x, y task.Row) int { return cmp.Compare(x.Task.ID, y.Task.ID) })
	return slices.Collect(slices.Chunk(rows, size))
}

// needsWrite reports whether a stored task differs from what the source says,
// or its match from what the packages say now.
func needsWrite(t *task.Task, have task.Stored, want task.Match, decided bool, version int64) bool {
	if hash := t.Hash(); have.Missing || !bytes.Equal(hash[:], have.Hash) {
		return true
	}
	switch {
	case have.Match.State == task.Idle || have.Match.Layer == task.LayerDecision:
		// A person's word stands.
		return false
	case decided:
		return want != have.Match
	}
	// The search decides: again only where it has not seen these packages.
	return have.SearchedVersion < version
}
