package guanke

import (
	"context"
	"iter"
	"slices"
	"sync"
	"time"

	"tasksync/task"
)

// Pages reads the tasks that were made in w, page by page in the order of the
// source, beginning at cursor: "" or the Next of an earlier page of the same
// window. A window without a whole second in it has one empty page and asks
// nothing. Up to Concurrency pages are fetched ahead as soon as the source has
// said how many there are; the newest total counts, since a list may grow while
// it is read. Where the source gives no total, a page that is not full is the
// last; an empty page always is.
//
// An error ends the reading and comes with an empty page; the page that failed
// is the Next of the one before. No request and no goroutine outlives the loop.
func (c *Client) Pages(ctx context.Context, w task.Window, cursor string) iter.Seq2[task.Page, error] {
	return func(yield func(task.Page, error) bool) {
		all := spans(w, c.zone)
		if len(all) == 0 {
			c.emptyWindow(ctx, cursor, yield)
			return
		}
		at, err := parseCursor(cursor, c.pageSize, len(all))
		if err != nil {
			yield(task.Page{}, err)
			return
		}
		for ; at.span < len(all); at.span, at.page = at.span+1, 1 {
			if !c.readSpan(ctx, w, all, at, yield) {
				return
			}
		}
	}
}

func (c *Client) emptyWindow(ctx context.Context, cursor string, yield func(task.Page, error) bool) {
	err := ctx.Err()
	if err == nil {
		_, err = parseCursor(cursor, c.pageSize, 0)
	}
	if err != nil {
		yield(task.Page{}, err)
		return
	}
	yield(task.Page{Total: new(int), FetchedAt: time.Now()}, nil)
}

// readSpan yields the pages of one span from at on. It answers false where
// there is nothing more to do: the consumer has enough, or an error was given.
func (c *Client) readSpan(ctx context.Context, w task.Window, all []span, at cursor, yield func(task.Page, error) bool) bool {
	fetchCtx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()

	type result struct {
		answer listAnswer
		err    error
	}
	var ahead []chan result
	fetch := func(at cursor) {
		into := make(chan result, 1)
		ahead = append(ahead, into)
		running.Go(func() {
			answer, err := c.list(fetchCtx, c.query(all[at.span], at))
			into <- result{answer, err}
		})
	}

	for asked := at.page - 1; ; at.page++ {
		if asked < at.page {
			fetch(at)
			asked = at.page
		}
		got := <-ahead[0]
		ahead = ahead[1:]
		if got.err == nil && got.answer.entries() > at.size {
			got.err = task.Errorf(task.CodeSourceContract,
				"冠客一页返回了 %d 条，超过所要的 %d 条，请检查接口的分页参数", got.answer.entries(), at.size)
		}
		if ctx.Err() != nil {
			got.err = ctx.Err()
		}
		if got.err != nil {
			yield(task.Page{}, got.err)
			return false
		}

		last := got.answer.isLast(at)
		if !last && got.answer.total != nil {
			for final := pagesOf(*got.answer.total, at.size); asked < final && len(ahead) < c.concurrency; {
				asked++
				fetch(cursor{span: at.span, page: asked, size: at.size})
			}
		}
		if !yield(got.answer.page(w, all, at, last), nil) {
			return false
		}
		if last {
			return true
		}
	}
}

// isLast reports whether no page of the span follows the one at at.
func (a *listAnswer) isLast(at cursor) bool {
	switch {
	case a.entries() == 0:
		return true
	case a.total == nil:
		return a.entries() < at.size
	}
	return at.page >= pagesOf(*a.total, at.size)
}

func pagesOf(total, size int) int { return (total + size - 1) / size }

// page is the answer as a page of w.
func (a *listAnswer) page(w task.Window, all []span, at cursor, last bool) task.Page {
	p := task.Page{
		Tasks: slices.DeleteFunc(a.tasks, func(t task.Task) bool {
			return t.CreatedAt.Before(w.From) || !t.CreatedAt.Before(w.To)
		}),
		Rejects:   a.rejects,
		Span:      at.span,
		Total:     a.total,
		FetchedAt: a.askedAt,
	}
	switch {
	case !last:
		p.Next = cursor{span: at.span, page: at.page + 1, size: at.size}.String()
	case at.span+1 < len(all):
		p.Next = cursor{span: at.span + 1, page: 1, size: at.size}.String()
	}
	return p
}
