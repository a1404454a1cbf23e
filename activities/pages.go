package activities

import (
	"container/list"
	"context"
	"sync"

	"go.temporal.io/sdk/activity"

	"tasksync/task"
)

const (
	// keptBytes bounds the cache: about the 50,000 rows of the chunks that a run
	// has in flight.
	keptBytes = 20 << 20
	// rowBytes is about what a row takes beside its longer texts.
	rowBytes = 350
)

// runKey names a run in the caches of this process. A record's id alone would
// not do: a database that was restored gives it out again.
type runKey struct {
	recordID int64
	runID    string
}

func runOf(ctx context.Context, recordID int64) runKey {
	return runKey{recordID, activity.GetInfo(ctx).WorkflowExecution.RunID}
}

type pageKey struct {
	run runKey
	seq int
}

// pageCache keeps the rows of pages that this process has just stored, so that
// it need not read them again. What it has not, or has dropped, is in the store.
type pageCache struct {
	store batchStore

	mu    sync.Mutex
	pages map[pageKey]*list.Element
	// order has the *keptPage that was put first in front.
	order list.List
	bytes int
}

type keptPage struct {
	key   pageKey
	rows  task.ClaimRows
	bytes int
}

func newPageCache(store batchStore) *pageCache {
	return &pageCache{store: store, pages: map[pageKey]*list.Element{}}
}

// put keeps a page that this process was the first to store. The oldest make
// room for it: other workers may have stored their rows long ago.
func (c *pageCache) put(run runKey, claim task.Claim) {
	size := bytesOf(claim.Batches)
	if size == 0 || size > keptBytes {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	key := pageKey{run, claim.Seq}
	c.drop(c.pages[key])
	for c.bytes+size > keptBytes {
		c.drop(c.order.Front())
	}
	rows := task.ClaimRows{FetchedAt: claim.FetchedAt, ClaimedRows: claim.ClaimedRows}
	c.pages[key] = c.order.PushBack(&keptPage{key, rows, size})
	c.bytes += size
}

func bytesOf(batches [][]task.Row) (size int) {
	for _, rows := range batches {
		size += len(rows) * rowBytes
		for i := range rows {
			size += len(rows[i].Task.Name) + len(rows[i].Task.Attributes)
		}
	}
	return size
}

// get answers the rows of a page with what the search decided. Where another
// worker searched, only the store has that.
func (c *pageCache) get(ctx context.Context, run runKey, head task.ClaimHead) (task.ClaimRows, error) {
	if rows, kept := c.kept(pageKey{run, head.Seq}); kept && (!head.Searched || rows.Matches != nil) {
		return rows, nil
	}
	return c.store.PageRows(ctx, run.recordID, head.Seq)
}

func (c *pageCache) kept(key pageKey) (task.ClaimRows, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if element, kept := c.pages[key]; kept {
		return element.Value.(*keptPage).rows, true
	}
	return task.ClaimRows{}, false
}

// matched adds what the search decided to a page that is kept.
func (c *pageCache) matched(run runKey, seq int, matches map[string]task.Match, version int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if element, kept := c.pages[pageKey{run, seq}]; kept {
		page := element.Value.(*keptPage)
		page.rows.Matches, page.rows.MatchesVersion = matches, version
	}
}

// forget drops a page that is stored.
func (c *pageCache) forget(run runKey, seq int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(c.pages[pageKey{run, seq}])
}

// drop drops a page, and nothing for nil.
func (c *pageCache) drop(element *list.Element) {
	if element == nil {
		return
	}
	page := c.order.Remove(element).(*keptPage)
	delete(c.pages, page.key)
	c.bytes -= page.bytes
}
