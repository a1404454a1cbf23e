package activities

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"time"

	"tasksync/task"
)

// chunkTime bounds a chunk beside its number of pages, so that a killed worker
// loses little.
const chunkTime = 10 * time.Second

type fetchStore interface {
	PageHeads(ctx context.Context, recordID int64, from, to int) ([]task.ClaimHead, error)
	SeenPages(ctx context.Context, recordID int64, from, before int) ([]task.SeenPage, error)
	StoredTasks(ctx context.Context, ids []string) (map[string]task.Stored, error)
	SavePage(ctx context.Context, c task.Claim) (saved bool, err error)
	PassSums(ctx context.Context, recordID int64, pass int) (task.PassSums, error)
}

// FetchInput says which pages to fetch.
type FetchInput struct {
	RecordID  int64       `json:"record_id"`
	Window    task.Window `json:"window"`
	BatchSize int         `json:"batch_size"`
	// Pass is 0 for the first reading of the window.
	Pass int `json:"pass"`
	// Seq numbers the chunk's first page within the record, Cursor is where it
	// stands at the source; "" is the window's beginning.
	Seq    int    `json:"seq"`
	Cursor string `json:"cursor"`
	// Pages bounds the chunk.
	Pages int `json:"pages"`
}

// FetchResult says what was fetched.
type FetchResult struct {
	// Seq and Cursor are where the next chunk begins.
	Seq    int    `json:"seq"`
	Cursor string `json:"cursor"`
	// Fetched counts the chunk's entries, Rows those to write, Undecided those
	// of them that need a search.
	Fetched   int `json:"fetched"`
	Rows      int `json:"rows"`
	Undecided int `json:"undecided"`
	// Done is true after the window's last page.
	Done bool `json:"done"`
	// Distinct is how many different entries the pass saw, SourceTotal what
	// the source says it has; set when Done.
	Distinct    int  `json:"distinct,omitempty"`
	SourceTotal *int `json:"source_total,omitempty"`
	// TotalChanged is true if the source named different totals on the way.
	TotalChanged bool `json:"total_changed,omitempty"`
}

// Drifted reports that the reading saw another number of entries than the
// source says it has, or that this number changed while it was read: then
// entries may have moved to a page that had been read before.
func (r FetchResult) Drifted() bool {
	return r.Done && r.SourceTotal != nil && (*r.SourceTotal != r.Distinct || r.TotalChanged)
}

// FetchChunk fetches up to in.Pages pages or for 10 seconds and keeps each page once
// per (record, seq): pages that an earlier attempt kept are not fetched again.
func (a *Activities) FetchChunk(ctx context.Context, in FetchInput) (FetchResult, error) {
	report, stop := beat(ctx)
	defer stop()
	for {
		out, again, err := a.fetchChunk(ctx, in, report)
		if err != nil {
			a.seen.forget(in.RecordID)
			return FetchResult{}, applicationErrorWith(ctx, err, ErrorDetails{Kept: max(0, out.Seq-in.Seq)})
		}
		if !again {
			return out, nil
		}
	}
}

// fetchChunk goes on behind the pages that are kept. Again is true if another
// executor kept a page first: then what is stored counts.
func (a *Activities) fetchChunk(ctx context.Context, in FetchInput, report func(Progress)) (out FetchResult, again bool, err error) {
	heads, err := a.store.PageHeads(ctx, in.RecordID, in.Seq, in.Seq+in.Pages)
	if err != nil {
		return out, false, err
	}
	out = FetchResult{Seq: in.Seq, Cursor: in.Cursor}
	for _, h := range heads {
		if out.Done {
			// A run that was reset: what follows belongs to its next pass.
			break
		}
		out.add(h.Fetched, h.Rows, h.Undecided, h.Next)
	}
	if !out.Done && len(heads) < in.Pages {
		if again, err = a.readPages(ctx, in, &out, report); err != nil || again {
			return out, again, err
		}
	}
	if out.Done {
		sums, err := a.store.PassSums(ctx, in.RecordID, in.Pass)
		if err != nil {
			return out, false, err
		}
		out.Distinct, out.SourceTotal, out.TotalChanged = sums.Distinct, sums.SourceTotal, sums.TotalChanged
	}
	return out, false, nil
}

func (r *FetchResult) add(fetched, rows, undecided int, next string) {
	r.Seq++
	r.Fetched += fetched
	r.Rows += rows
	r.Undecided += undecided
	r.Cursor = next
	r.Done = next == ""
}

func (a *Activities) readPages(ctx context.Context, in FetchInput, out *FetchResult, report func(Progress)) (again bool, err error) {
	matcher, err := a.matchers.current(ctx)
	if err != nil {
		return false, err
	}
	known, err := a.seen.take(ctx, in.RecordID, out.Seq)
	if err != nil {
		return false, err
	}
	started := time.Now()
	for page, err := range a.source.Pages(ctx, in.Window, out.Cursor) {
		if err != nil {
			return false, err
		}
		claim, err := a.claim(ctx, in, out.Seq, page, known, matcher)
		if err != nil {
			return false, err
		}
		saved, err := a.store.SavePage(ctx, claim)
		if err != nil || !saved {
			return !saved, err
		}
		a.pages.put(claim)
		out.add(claim.Fetched, claim.Rows(), claim.Undecided, claim.Next)
		known.next = out.Seq
		report(Progress{Pages: out.Seq - in.Seq, Tasks: out.Fetched})
		if out.Seq-in.Seq >= in.Pages || time.Since(started) >= chunkTime {
			break
		}
	}
	if !out.Done {
		a.seen.put(in.RecordID, known)
	}
	return false, nil
}

// claim compares a page with what is stored and keeps only the rows to write.
func (a *Activities) claim(ctx context.Context, in FetchInput, seq int, page task.Page, known *seen, matcher Matcher) (task.Claim, error) {
	claim := task.Claim{
		RecordID: in.RecordID, Seq: seq, Pass: in.Pass, Span: page.Span, SpanTotal: page.Total, Next: page.Next, FetchedAt: page.FetchedAt,
	}
	tasks := known.entries(page, &claim)
	ids := make([]string, len(tasks))
	for i := range tasks {
		ids[i] = tasks[i].ID
	}
	stored, err := a.store.StoredTasks(ctx, ids)
	if err != nil {
		return claim, err
	}
	claim.PackagesVersion = matcher.Version()
	fresh, changed := make([]task.Row, 0, len(tasks)), []task.Row(nil)
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
	claim.Batches = batches(fresh, in.BatchSize)
	claim.NewBatches = len(claim.Batches)
	claim.Batches = append(claim.Batches, batches(changed, in.BatchSize)...)
	return claim, nil
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
