package activities

import (
	"context"
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
			a.seen.forget(runOf(ctx, in.RecordID))
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
	run := runOf(ctx, in.RecordID)
	known, err := a.seen.take(ctx, run, out.Seq)
	if err != nil {
		return false, err
	}
	for claim, err := range a.claims(ctx, in, out.Seq, out.Cursor, known, matcher) {
		if err != nil {
			return false, err
		}
		saved, err := a.store.SavePage(ctx, claim)
		if err != nil || !saved {
			return !saved, err
		}
		a.pages.put(run, claim)
		out.add(claim.Fetched, claim.Rows(), claim.Undecided, claim.Next)
		report(Progress{Pages: out.Seq - in.Seq, Tasks: out.Fetched})
	}
	known.next = out.Seq
	if !out.Done {
		a.seen.put(run, known)
	}
	return false, nil
}
