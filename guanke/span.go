package guanke

import (
	"time"

	"tasksync/guanke/mapping"
	"tasksync/task"
)

// span is what one query asks for: from first on and before end.
type span struct {
	first, end time.Time
	// exact is false where more is asked for than the window has, since the
	// source's parameters are too coarse for it, or it has none.
	exact bool
}

// spans cuts w. It is empty where no task can have been made in w.
func (f *format) spans(w task.Window) []span {
	// The source's own times go in steps: a window has those that are in it.
	step := mapping.Period{Duration: f.mapping.Created.Step()}
	from, to := step.Ceil(w.From.In(f.zone)), step.Ceil(w.To.In(f.zone))
	if !from.Before(to) {
		return nil
	}
	asked := f.mapping.List.Window
	if asked == nil {
		return []span{{first: from, end: to}}
	}
	first, last := asked.Granularity.Floor(from), asked.Granularity.Ceil(to)
	overlaps := f.mapping.Overlaps()
	var out []span
	for first.Before(last) {
		// By the calendar: the source compares the times as they are written.
		next := last
		if !asked.Longest.IsZero() {
			cut := asked.Longest.After(first)
			if shorter := asked.Granularity.Before(cut); asked.StartOpen && shorter.After(first) {
				cut = shorter // The request begins a step earlier.
			}
			if cut.Before(last) {
				next = cut
			}
		}
		out = append(out, span{first: first, end: next, exact: !overlaps && !first.Before(from) && !next.After(to)})
		first = next
	}
	return out
}
