package activities

import (
	"context"
	"sync"

	"tasksync/task"
)

// keptRows bounds the cache by the rows of its pages: those of the chunks that
// two runs have in flight.
const keptRows = 100_000

type pageKey struct {
	recordID int64
	seq      int
}

// pageCache keeps the rows of pages that this process has just stored, so that
// it need not read them again. What it has not, or has dropped, is in the store.
type pageCache struct {
	store batchStore

	mu    sync.Mutex
	pages map[pageKey]task.ClaimRows
	rows  int
}

func newPageCache(store batchStore) *pageCache {
	return &pageCache{store: store, pages: map[pageKey]task.ClaimRows{}}
}

// put keeps a page that this process was the first to store.
func (c *pageCache) put(claim task.Claim) {
	if len(claim.Batches) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	key := pageKey{claim.RecordID, claim.Seq}
	c.drop(key)
	for other := range c.pages {
		if c.rows+claim.Rows() <= keptRows {
			break
		}
		c.drop(other)
	}
	c.pages[key] = task.ClaimRows{FetchedAt: claim.FetchedAt, ClaimedRows: claim.ClaimedRows}
	c.rows += claim.Rows()
}

// get answers a page's rows, with what the search decided if it has been done:
// another worker may have done it.
func (c *pageCache) get(ctx context.Context, recordID int64, head task.ClaimHead) (task.ClaimRows, error) {
	c.mu.Lock()
	page, kept := c.pages[pageKey{recordID, head.Seq}]
	c.mu.Unlock()
	if kept && (!head.Searched || page.Matches != nil) {
		return page, nil
	}
	return c.store.PageRows(ctx, recordID, head.Seq)
}

// matched adds what the search decided to a page that is kept.
func (c *pageCache) matched(recordID int64, seq int, matches map[string]task.Match, version int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := pageKey{recordID, seq}
	if page, kept := c.pages[key]; kept {
		page.Matches, page.MatchesVersion = matches, version
		c.pages[key] = page
	}
}

// forget drops a page that is stored.
func (c *pageCache) forget(recordID int64, seq int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(pageKey{recordID, seq})
}

func (c *pageCache) drop(key pageKey) {
	page, kept := c.pages[key]
	if kept {
		c.rows -= page.Rows()
		delete(c.pages, key)
	}
}
