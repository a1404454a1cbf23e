package sim

import (
	"fmt"
	"net/http"
	"time"
)

// Changes are what has happened to the data set since it was made. The shares,
// in [0, 1], are of all tasks; Seed decides which. The zero value is the data
// set as it was made, so that what was deleted is there again.
//
// As JSON, the fields are seed, rename, delete, add, move and over.
type Changes struct {
	// Seed chooses the tasks; each kind chooses its own.
	Seed int64 `json:"seed,omitempty"`
	// Rename is the share of tasks whose name is another one: mostly one of
	// another package, at times one that needs none.
	Rename float64 `json:"rename,omitempty"`
	// Delete is the share of tasks that are gone.
	Delete float64 `json:"delete,omitempty"`
	// Add is the share of tasks that are not there until they are added.
	Add float64 `json:"add,omitempty"`
	// Move is the share of tasks that stand at the beginning of a list, whenever
	// they were made.
	Move float64 `json:"move,omitempty"`
	// Over is how many requests for lists it takes from the data set as it was
	// (without those to be added) to the full shares: each answers one step
	// more, so that pages drift while they are read. 0 changes at once.
	Over int `json:"over,omitempty"`
}

func (c Changes) validate() error {
	for _, f := range [...]struct {
		name  string
		share float64
	}{{"rename", c.Rename}, {"delete", c.Delete}, {"add", c.Add}, {"move", c.Move}} {
		if !(f.share >= 0 && f.share <= 1) {
			return fmt.Errorf("变化设置无效：%s %v 应在 0 到 1 之间", f.name, f.share)
		}
	}
	if c.Over < 0 {
		return fmt.Errorf("变化设置无效：over %d 应大于 0；0 表示立即", c.Over)
	}
	return nil
}

// SetChanges replaces the changes; the zero value takes them back.
func (s *Server) SetChanges(c Changes) error {
	if err := c.validate(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes, s.steps = c, 0
	return nil
}

// view is the data set as one answer shows it.
type view struct {
	*world
	changes Changes
	// progress is the share of the changes that has happened.
	progress float64
	now      int64
}

// look answers the data set as it is now; step says that a list is answered.
func (s *Server) look(step bool) view {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := view{world: s.world, changes: s.changes, progress: 1, now: s.now().Unix()}
	if s.changes.Over > 0 {
		v.progress = min(1, float64(s.steps)/float64(s.changes.Over))
	}
	if step {
		s.steps++
	}
	return v
}

// drawn reports whether a task is among the share of a kind of change.
func (v view) drawn(about int64, share float64, d day, index int) bool {
	if share <= 0 {
		return false
	}
	r := newRandom(v.changes.Seed, about, int64(d.no), int64(index))
	return r.unit() < share
}

func (v view) there(d day, index int) bool {
	return !v.drawn(aboutDelete, v.changes.Delete*v.progress, d, index) &&
		!v.drawn(aboutAdd, v.changes.Add*(1-v.progress), d, index)
}

// plan is the world's, unless the task was renamed.
func (v view) plan(d day, index int, r *random) plan {
	p := v.world.plan(d, r)
	if !v.drawn(aboutRename, v.changes.Rename*v.progress, d, index) {
		return p
	}
	for other := newRandom(v.changes.Seed, aboutRename, int64(d.no), int64(index), 1); ; {
		if name := v.world.plan(d, &other).name; name != p.name {
			p.name = name
			return p
		}
	}
}

// walk calls each with the tasks made from first to last, both included, in the
// order of a list, without the first skip and at most most of them, and answers
// how many there are in all. It ends early where each answers false.
func (v view) walk(first, last time.Time, skip, most int, each func(d day, index int) bool) (total int) {
	if now := time.Unix(v.now, 0); now.Before(last) {
		last = now
	}
	on := true
	if v.changes.Delete == 0 && v.changes.Add == 0 && v.changes.Move == 0 {
		v.runs(first, last, func(r run) bool {
			total += r.high - r.low
			passed := min(skip, r.high-r.low)
			skip -= passed
			for i := r.low + passed; on && i < r.high && most > 0; i++ {
				on = each(r.day, i)
				most--
			}
			return on
		})
		return total
	}
	moved := v.changes.Move * v.progress
	for _, front := range [...]bool{true, false} {
		if front && moved == 0 {
			continue
		}
		v.runs(first, last, func(r run) bool {
			for i := r.low; on && i < r.high; i++ {
				if v.drawn(aboutMove, moved, r.day, i) != front || !v.there(r.day, i) {
					continue
				}
				if total++; total > skip && total <= skip+most {
					on = each(r.day, i)
				}
			}
			return on
		})
	}
	return total
}

// getChanges answers the changes and how much of them has happened.
func (s *Server) getChanges(w http.ResponseWriter, _ *http.Request) {
	v := s.look(false)
	writeJSON(w, http.StatusOK, struct {
		Changes
		Progress float64 `json:"progress"`
	}{v.changes, v.progress})
}

func (s *Server) putChanges(w http.ResponseWriter, r *http.Request) {
	body, ok := readSwitch(w, r)
	if !ok {
		return
	}
	var c Changes
	err := decodeStrict(body, &c)
	if err == nil {
		err = s.SetChanges(c)
	} else {
		err = fmt.Errorf("变化设置无效：%w；可用的字段是 seed、rename、delete、add、move、over", err)
	}
	if err != nil {
		writeFault(w, http.StatusBadRequest, err)
		return
	}
	s.getChanges(w, r)
}
