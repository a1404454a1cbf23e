package activities

import (
	"context"
	"crypto/sha256"
	"hash/maphash"
	"slices"
	"sync"

	"tasksync/task"
)

// keptRuns and keptEntries bound the cache: a worker fetches for one run of each
// type and a few backfills at a time, and some end without its knowing.
const (
	keptRuns    = 8
	keptEntries = 2_000_000
)

// entryHash stands for an entry's id. At 128 bits two ids do not meet by chance,
// and nobody can choose ids that do, since the seeds are the process's own. It
// keeps a million entries in some 25 MB, without pointers to follow.
type entryHash struct{ high, low uint64 }

var highSeed, lowSeed = maphash.MakeSeed(), maphash.MakeSeed()

func hashOf(key string) entryHash {
	return entryHash{maphash.String(highSeed, key), maphash.String(lowSeed, key)}
}

// entrySet is a set of entries.
type entrySet map[entryHash]struct{}

// add reports whether h is new to the set.
func (s entrySet) add(h entryHash) bool {
	before := len(s)
	s[h] = struct{}{}
	return len(s) > before
}

// seen knows the entries that a record's pages had.
type seen struct {
	all entrySet
	// again has those of pass, the latest reading; nil in the first one, whose
	// entries are all there are.
	again entrySet
	pass  int
	// next is the page that comes after those it knows.
	next int
}

func newSeen() *seen { return &seen{all: entrySet{}} }

// add notes key for a pass: the latest, a later one, or, where the store tells
// what there was, an earlier one. fresh is false if the record had it already,
// freshInPass is false if this pass had it.
func (s *seen) add(key string, pass int) (fresh, freshInPass bool) {
	if pass > s.pass {
		s.pass, s.again = pass, entrySet{}
	}
	h := hashOf(key)
	fresh = s.all.add(h)
	if s.again == nil || pass < s.pass {
		return fresh, fresh
	}
	return fresh, s.again.add(h)
}

// size is how many entries it holds.
func (s *seen) size() int { return len(s.all) + len(s.again) }

// rejectKey names an entry that is not a valid task: by its id where that can
// be read, since the rest may change while we read, else by what it says. It
// cannot be the id of a valid task: those hold no NUL.
func rejectKey(r *task.Reject) string {
	if r.TaskID != "" {
		return "\x00id:" + r.TaskID
	}
	sum := sha256.Sum256(r.Payload)
	return "\x00" + string(sum[:])
}

// seenCache keeps what this process knows about the runs that it fetches for,
// so that a chunk need not read all earlier pages again.
type seenCache struct {
	store fetchStore

	mu sync.Mutex
	// runs has the one that was put first in front.
	runs []keptSeen
}

type keptSeen struct {
	run  runKey
	seen *seen
}

func newSeenCache(store fetchStore) *seenCache { return &seenCache{store: store} }

// take answers what the run's pages before next had, and takes it out of the
// cache: a second executor of the same chunk reads its own from the store.
func (c *seenCache) take(ctx context.Context, run runKey, next int) (*seen, error) {
	s := c.remove(run)
	if s == nil || s.next > next {
		s = newSeen()
	}
	if s.next == next {
		return s, nil
	}
	// Another worker fetched what came in between.
	pages, err := c.store.SeenPages(ctx, run.recordID, s.next, next)
	if err != nil {
		return nil, err
	}
	s.next = next
	for _, p := range pages {
		for _, id := range p.IDs {
			s.add(id, p.Pass)
		}
		if p.Reject != nil {
			s.add(rejectKey(p.Reject), p.Pass)
		}
	}
	return s, nil
}

// put gives back what take answered, once its pages are stored. Those that were
// put longest ago make room for it.
func (c *seenCache) put(run runKey, s *seen) {
	c.forget(run)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.runs = append(c.runs, keptSeen{run, s})
	entries := 0
	for _, kept := range c.runs {
		entries += kept.seen.size()
	}
	for len(c.runs) > 1 && (len(c.runs) > keptRuns || entries > keptEntries) {
		entries -= c.runs[0].seen.size()
		c.runs = slices.Delete(c.runs, 0, 1)
	}
}

func (c *seenCache) forget(run runKey) { c.remove(run) }

func (c *seenCache) remove(run runKey) (s *seen) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.runs = slices.DeleteFunc(c.runs, func(kept keptSeen) bool {
		if kept.run == run {
			s = kept.seen
		}
		return kept.run == run
	})
	return s
}

// entries walks a page's tasks and rejects through s: it answers the tasks
// that the record had not had, the rejects likewise, and counts the rest into
// the claim.
func (s *seen) entries(page task.Page, claim *task.Claim) (tasks []task.Task) {
	tasks = make([]task.Task, 0, len(page.Tasks))
	claim.Fetched = len(page.Tasks) + len(page.Rejects)
	claim.IDs = make([]string, 0, len(page.Tasks))
	for _, t := range page.Tasks {
		fresh, freshInPass := s.add(t.ID, claim.Pass)
		if freshInPass {
			claim.PassDistinct++
			claim.IDs = append(claim.IDs, t.ID)
		}
		if fresh {
			tasks = append(tasks, t)
		} else {
			claim.Duplicate++
		}
	}
	for _, r := range page.Rejects {
		fresh, freshInPass := s.add(rejectKey(&r), claim.Pass)
		if freshInPass {
			claim.PassDistinct++
		}
		if fresh {
			claim.Rejects = append(claim.Rejects, r)
		} else {
			claim.Duplicate++
		}
	}
	return tasks
}
