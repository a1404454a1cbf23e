package sim

import (
	"strconv"
)

// The source's states, from 1 to 5.
const (
	stateWaiting = 1
	stateRunning = 2
	statePaused  = 3
	stateEnded   = 4
	stateStopped = 5
)

// appendTask appends a day's task as JSON, as it stands now.
func (v view) appendTask(out []byte, d day, index int) []byte {
	now := v.now
	r := newRandom(v.seed, aboutTask, int64(d.no), int64(index))
	created := v.created(d, index)
	p := v.plan(d, index, &r)

	dayEnd := d.start + d.length
	start := created + int64(r.between(0, 30*60))
	end := min(start+int64(r.between(3600, 8*3600)), dayEnd)
	start = min(start, end)
	// One in five is given up before all numbers were called.
	final := p.size
	if r.below(5) == 0 {
		final = p.size * r.between(60, 98) / 100
	}
	connectRate, successRate := r.between(15, 45), r.between(1, 8)

	called, state := 0, stateWaiting
	switch {
	case now >= end && final == p.size:
		called, state = final, stateEnded
	case now >= end:
		called, state = final, statePaused
		if now >= dayEnd {
			state = stateStopped
		}
	case now >= start:
		called, state = int(int64(final)*(now-start)/(end-start)), stateRunning
	}
	connected := called * connectRate / 100

	out = append(out, `{"id":`...)
	out = strconv.AppendInt(out, v.id(d, index), 10)
	// Names hold nothing that JSON would have to escape.
	out = append(out, `,"taskName":"`...)
	out = append(out, p.name...)
	out = append(out, '"')
	for _, f := range [...]struct {
		name  string
		value int64
	}{
		{`,"state":`, int64(state)},
		{`,"totalNumber":`, int64(p.size)},
		{`,"callNumber":`, int64(called)},
		{`,"connectNumber":`, int64(connected)},
		{`,"successNumber":`, int64(connected * successRate / 100)},
		{`,"createTime":`, created},
		{`,"concurrency":`, int64(r.between(1, 4) * 10)},
	} {
		out = append(out, f.name...)
		out = strconv.AppendInt(out, f.value, 10)
	}
	return append(out, `,"remark":""}`...)
}
