package activities

import (
	"context"
	"sync"

	"golang.org/x/sync/errgroup"

	"tasksync/task"
)

// MatchResult says what the search decided.
type MatchResult struct {
	Searched int `json:"searched"`
	Matched  int `json:"matched"`
	Pending  int `json:"pending"`
	Failed   int `json:"failed"`
}

// MatchChunk searches for the tasks that no lookup decides, page by page, and
// keeps what it finds beside the page's rows, so that each task is written
// once, with its match. A page that was searched is not searched again.
func (a *Activities) MatchChunk(ctx context.Context, in ChunkInput) (MatchResult, error) {
	report, stop := beat(ctx)
	defer stop()
	out, err := a.matchChunk(ctx, in, report)
	return out, applicationError(ctx, err)
}

func (a *Activities) matchChunk(ctx context.Context, in ChunkInput, report func(Progress)) (out MatchResult, err error) {
	matcher, err := a.matchers.current(ctx)
	if err != nil {
		return out, err
	}
	heads, err := a.store.PageHeads(ctx, in.RecordID, in.FromSeq, in.ToSeq)
	if err != nil {
		return out, err
	}
	run := runOf(ctx, in.RecordID)
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(pagesMatched)
	for i, h := range heads {
		if h.Undecided == 0 || h.Searched {
			continue
		}
		group.Go(func() error {
			page, err := a.pages.get(ctx, run, h)
			if err != nil {
				return err
			}
			matches := search(page, matcher)
			if err := a.store.SaveMatches(ctx, in.RecordID, h.Seq, matches, matcher.Version()); err != nil {
				return err
			}
			a.pages.matched(run, h.Seq, matches, matcher.Version())
			mu.Lock()
			defer mu.Unlock()
			out.add(matches)
			report(Progress{Pages: i + 1, Tasks: out.Searched})
			return nil
		})
	}
	err = group.Wait()
	return out, err
}

// pagesMatched is how many pages are searched at a time.
const pagesMatched = 2

func (r *MatchResult) add(matches map[string]task.Match) {
	for _, m := range matches {
		r.Searched++
		switch m.State {
		case task.Matched:
			r.Matched++
		case task.MatchFailed:
			r.Failed++
		default:
			r.Pending++
		}
	}
}

// search decides a page's undecided tasks.
func search(page task.ClaimRows, matcher Matcher) map[string]task.Match {
	matches := make(map[string]task.Match)
	for _, batch := range page.Batches {
		for i := range batch {
			if _, decided := lookup(&batch[i], page.PackagesVersion, matcher); !decided {
				matches[batch[i].Task.ID] = matcher.Search(batch[i].Task.Name)
			}
		}
	}
	return matches
}

// lookup is the match of a row by the layers that need no search. The one that
// it was claimed with stands while the packages are the same.
func lookup(r *task.Row, version int64, matcher Matcher) (task.Match, bool) {
	if version == matcher.Version() {
		return r.Match, r.Match.State != ""
	}
	return matcher.Lookup(r.Task.Name, r.Task.PackageRef)
}
