package guanke

import (
	"context"
	"iter"
	"slices"
	"sync"
	"time"

	"tasksync/guanke/mapping"
	"tasksync/task"
)

// Pages reads the tasks that were made in w, page by page in the order of the
// source, beginning at cursor: "" or the Next of an earlier page of the same
// window and mapping. A window in which no task can have been made has one
// empty page and asks nothing. Where pages are counted, up to Concurrency pages
// are fetched ahead as soon as the source has said how many there are; the
// newest total counts, since a list may grow while it is read. A total may also
// be too low: a full page is not the last before the source has shown that
// nothing new follows. Where the source neither gives a total nor says whether
// there is more, a page that is not full is the last; an empty page always is.
//
// An error ends the reading and comes with an empty page; the page that failed
// is the Next of the one before. No request and no goroutine outlives the loop.
func (c *Client) Pages(ctx context.Context, w task.Window, cursor string) iter.Seq2[task.Page, error] {
	return func(yield func(task.Page, error) bool) {
		all := c.spans(w)
		if len(all) == 0 {
			c.emptyWindow(ctx, cursor, yield)
			return
		}
		at, err := c.parseCursor(cursor, c.pageSize, len(all))
		if err != nil {
			yield(task.Page{}, err)
			return
		}
		for ; at.span < len(all); at = at.nextSpan() {
			if !c.readSpan(ctx, w, all, at, yield) {
				return
			}
		}
	}
}

func (c *Client) emptyWindow(ctx context.Context, cursor string, yield func(task.Page, error) bool) {
	err := ctx.Err()
	if err == nil {
		_, err = c.parseCursor(cursor, c.pageSize, 0)
	}
	if err != nil {
		yield(task.Page{}, err)
		return
	}
	yield(task.Page{Total: new(int), FetchedAt: time.Now()}, nil)
}

// nextSpan is the first page of the next span.
func (at cursor) nextSpan() cursor { return cursor{span: at.span + 1, page: 1, size: at.size} }

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
			answer, err := c.list(fetchCtx, all[at.span], at)
			into <- result{answer, err}
		})
	}

	// before is what the page before began with.
	before := ""
	for asked := at.page - 1; ; {
		if asked < at.page {
			fetch(at)
			asked = at.page
		}
		got := <-ahead[0]
		ahead = ahead[1:]
		var next cursor
		var last bool
		if got.err == nil {
			next, last, got.err = c.after(at, &got.answer)
		}
		first := got.answer.first()
		switch {
		case got.err != nil:
		case last && c.mayGoOn(at, &got.answer):
			if asked == at.page {
				fetch(next)
				asked++
			}
			behind := <-ahead[0]
			last, got.err = nothingNew(&behind.answer, behind.err, first)
			if last {
				ahead = ahead[1:]
			} else {
				ahead[0] <- behind
			}
		case !last && got.answer.total == nil && first == before:
			got.err = task.Errorf(task.CodeSourceContract, "冠客的第 %d 页和前一页一样，请检查接口的分页参数", at.page)
		}
		before = first
		if ctx.Err() != nil {
			got.err = ctx.Err()
		}
		if got.err != nil {
			yield(task.Page{}, got.err)
			return false
		}

		if !last && !c.given() && got.answer.total != nil {
			for final := pagesOf(*got.answer.total, next.size); asked < final && len(ahead) < c.concurrency; {
				asked++
				fetch(cursor{span: at.span, page: asked, size: next.size})
			}
		}
		page := c.page(&got.answer, w, all[at.span], at)
		page.Next = c.nextText(next, last, at, len(all))
		if !yield(page, nil) {
			return false
		}
		if last {
			return true
		}
		at = next
	}
}

// mayGoOn reports whether the list may be longer than its total: the page that
// should be the last is full.
func (c *Client) mayGoOn(at cursor, a *listAnswer) bool {
	counted := c.mapping.List.Paging.Style != mapping.PagingNone && !c.given()
	return counted && a.more == nil && a.total != nil && a.entries() == at.size
}

// nothingNew reports whether the answer to a page behind the last shows that
// there is none: it is empty, refused, or the last page again, which begins with
// first.
func nothingNew(a *listAnswer, err error, first string) (bool, error) {
	if err != nil {
		refused := task.CodeOf(err) == task.CodeSourceContract
		if refused {
			err = nil
		}
		return refused, err
	}
	return a.entries() == 0 || a.first() == first, nil
}

// nextText is the cursor behind the page at at: of next, or of the next span
// where the page was the last of its own; "" where nothing follows.
func (c *Client) nextText(next cursor, last bool, at cursor, spans int) string {
	switch {
	case !last:
		return next.text(c.mapping.Fingerprint)
	case at.span+1 < spans:
		return at.nextSpan().text(c.mapping.Fingerprint)
	}
	return ""
}

// after says what follows the page at at, unless it is the last of its span,
// and refuses a page that is against the contract of paging.
func (c *Client) after(at cursor, a *listAnswer) (next cursor, last bool, err error) {
	refuse := func(format string, args ...any) (cursor, bool, error) {
		return cursor{}, false, task.Errorf(task.CodeSourceContract, format, args...)
	}
	if a.entries() > at.size {
		if !c.sized() {
			return refuse("冠客一次返回了 %d 条，超过上限 %d 条，请在映射文件里改用分页（list.paging）", a.entries(), at.size)
		}
		return refuse("冠客一页返回了 %d 条，超过所要的 %d 条，请检查接口的分页参数", a.entries(), at.size)
	}
	next = cursor{span: at.span, page: at.page + 1, size: at.size}
	style := c.mapping.List.Paging.Style
	if style == mapping.PagingNone {
		return next, true, nil
	}
	if c.given() {
		return c.afterGiven(at, next, a)
	}
	switch {
	case a.entries() == 0 && a.more != nil && *a.more:
		return refuse("冠客返回了空的一页，却说还有下一页，请检查映射文件里的 list.paging")
	case a.entries() == 0:
		last = true
	case a.more != nil:
		last = !*a.more
	case a.total == nil:
		last = a.entries() < at.size
	default:
		last = at.page >= pagesOf(*a.total, at.size)
	}
	if n := a.entries(); at.page == 1 && n >= SmallestCap && n < at.size && (a.more == nil && a.total != nil && *a.total > n || a.more != nil && *a.more) {
		// The source has smaller pages than it was asked for: what follows is
		// asked for in pages of its own size, or it would be passed over.
		next.size, last = n, false
	}
	return next, last, nil
}

// SmallestCap is the least number of entries that passes for a source's own
// limit of a page. Fewer are rather a page from which some were taken out.
const SmallestCap = 10

// afterGiven is after where the source says what to ask for next.
func (c *Client) afterGiven(at, next cursor, a *listAnswer) (cursor, bool, error) {
	refuse := func(text string) (cursor, bool, error) {
		return cursor{}, false, task.Errorf(task.CodeSourceContract, "%s，请检查映射文件里的 list.paging", text)
	}
	switch {
	case a.more != nil && !*a.more, a.more == nil && (a.next == "" || a.entries() == 0):
		return next, true, nil
	case a.next == "":
		return refuse("冠客说还有下一页，却没有给出下一页的游标")
	case a.entries() == 0:
		return refuse("冠客返回了空的一页，却说还有下一页")
	case a.next == at.next:
		return refuse("冠客给出的下一页就是这一页")
	}
	var fresh bool
	if next.seen, fresh = at.seen.step(a.next); !fresh {
		return refuse("冠客给出的下一页是已经读过的，翻页会没完没了")
	}
	next.next = a.next
	return next, false, nil
}

func pagesOf(total, size int) int { return (total + size - 1) / size }

// page is the answer as a page of w, without its Next.
func (c *Client) page(a *listAnswer, w task.Window, s span, at cursor) task.Page {
	p := task.Page{
		Tasks: slices.DeleteFunc(a.tasks, func(t task.Task) bool {
			return t.CreatedAt.Before(w.From) || !t.CreatedAt.Before(w.To)
		}),
		Rejects:   a.rejects,
		Span:      at.span,
		Total:     a.total,
		FetchedAt: a.askedAt,
	}
	if !s.exact {
		// It counts tasks that are not in the window.
		p.Total = nil
	}
	return p
}
