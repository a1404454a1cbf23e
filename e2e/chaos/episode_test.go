package chaos_test

import (
	"fmt"
	"strings"
	"time"

	"tasksync/guanke/sim"
	"tasksync/internal/systest"
	"tasksync/task"
)

// What a broken invariant is counted as.
const (
	lost    = "lost"
	doubled = "doubled"
	running = "running"
	counts  = "counts"
	content = "content"
	tries   = "attempts"
	leaked  = "leaked"
	other   = "other"
)

// violation is one broken invariant.
type violation struct{ Class, Text string }

// result is what came of an episode.
type result struct {
	plan plan
	// hits says of each strike whether it came while the run was running, or, if
	// it was to come after its end, then.
	hits       []bool
	records    []task.Record
	violations []violation
	took       time.Duration
	seen       int
}

// episode is one plan being played.
type episode struct {
	*lane
	result
	runs []*run
	// before are the tasks that the source had before the run, by type.
	before map[task.SyncType]map[string]entry
	since  int64
}

// play plays a plan and holds what is left to the invariants.
func (l *lane) play(p plan) result {
	e := &episode{lane: l, result: result{plan: p}, before: map[task.SyncType]map[string]entry{}}
	started := time.Now()
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"prepare", e.prepare},
		{"disturb", e.disturb},
		{"hold the disturbed runs", e.holdDisturbed},
		{"sync without faults", e.heal},
		{"look for leaks", e.holdNothingLeft},
	} {
		if err := step.do(); err != nil {
			e.fail(other, "%s: %v", step.name, err)
			break
		}
	}
	e.took = time.Since(started)
	return e.result
}

func (e *episode) fail(class, format string, args ...any) {
	e.violations = append(e.violations, violation{class, fmt.Sprintf(format, args...)})
}

// prepare brings the stored tasks and the source to the plan's beginning.
func (e *episode) prepare() error {
	e.workersOf(e.plan.Workers)
	e.s.FreezeClock(time.Now())
	e.setFaults(sim.Faults{})
	if err := e.setChanges(sim.Changes{}); err != nil {
		return err
	}
	since, err := one[int64](e.lane, "SELECT coalesce(max(id), 0) FROM sync_records")
	if err != nil {
		return err
	}
	e.since = since
	if e.plan.Begin == beginEmpty {
		if _, err := e.s.SQL.Exec(e.ctx, "TRUNCATE tasks, match_candidates"); err != nil {
			return err
		}
	}
	for _, t := range e.plan.Types {
		if e.plan.Begin != beginEmpty {
			r, err := e.start(t, task.Manual)
			if err == nil {
				_, err = e.closed(r)
			}
			if err != nil {
				return err
			}
		}
		if e.before[t], err = e.truth(task.WindowAt(t, time.Now(), systest.Zone)); err != nil {
			return err
		}
	}
	e.setFaults(paced)
	return e.setChanges(e.plan.Changes)
}

// disturb starts the plan's runs, strikes, and waits for the end of all.
func (e *episode) disturb() error {
	for _, t := range e.plan.Types {
		r, err := e.start(t, e.plan.Trigger)
		if err != nil {
			return err
		}
		r.tasks = len(e.before[t])
		e.runs = append(e.runs, r)
	}
	for _, s := range e.plan.Strikes {
		r := e.runs[s.Run]
		hit, err := e.await(r, s)
		if err == nil {
			err = e.hit(r, s)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
		e.hits = append(e.hits, hit)
		e.holdOneOpen()
	}
	for _, r := range e.runs {
		if _, err := e.closed(r); err != nil {
			e.fail(running, "%v", err)
			return e.clear()
		}
	}
	return nil
}

// holdOneOpen holds each workflow ID to one open execution.
func (e *episode) holdOneOpen() {
	for _, t := range task.SyncTypes {
		var open int64
		// Temporal's list follows its truth.
		err := e.until("its list of open executions", func() (bool, error) {
			var err error
			open, err = e.open(t)
			return open <= 1, err
		})
		if err != nil {
			e.fail(other, "%s: %d executions are open: %v", t, open, err)
		}
	}
}

// clear ends what hangs, so that the next episode can be played.
func (e *episode) clear() error {
	e.setFaults(sim.Faults{})
	for _, r := range e.runs {
		if err := e.hit(r, strike{Kind: "terminate"}); err != nil {
			return err
		}
	}
	return nil
}

// heal syncs each type without faults: then the tasks are the source's.
func (e *episode) heal() error {
	e.setFaults(sim.Faults{})
	// What drifted has come to its end.
	settled := e.plan.Changes
	for i, s := range e.plan.Strikes {
		if s.Changes != nil && i < len(e.hits) {
			settled = *s.Changes
			settled.Over = 0
		}
	}
	if err := e.setChanges(settled); err != nil {
		return err
	}
	for _, t := range e.plan.Types {
		r, err := e.start(t, task.Manual)
		if err != nil {
			return err
		}
		rec, err := e.closed(r)
		if err != nil {
			e.fail(running, "the run without faults: %v", err)
			return e.clear()
		}
		if err := e.holdClean(rec); err != nil {
			return err
		}
	}
	return e.holdInserts()
}

// report says everything about an episode with a broken invariant.
func (e result) report(l *lane) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n  hits %v, %s\n", e.plan, e.hits, e.took.Round(time.Second))
	for _, v := range e.violations {
		fmt.Fprintf(&b, "BROKEN %s: %s\n", v.Class, v.Text)
	}
	for _, rec := range e.records {
		fmt.Fprintf(&b, "record %d %s %s: %s %q retries %d of %d, total %v, distinct %d, closed by %q\n  %+v\n", rec.ID, rec.Type, rec.Status,
			rec.ErrorType, rec.ErrorMessage, rec.RetryCount, rec.MaxRetries, number(rec.SourceTotal), rec.Distinct, rec.ClosedBy, rec.Counts)
		attempts, err := l.s.Store.Attempts(l.ctx, rec.ID)
		if err != nil {
			fmt.Fprintf(&b, "  attempts: %v\n", err)
		}
		for _, a := range attempts {
			fmt.Fprintf(&b, "  %s %s attempt %d %s %s: %s (%s, waited %s)\n", a.At.Format(time.StampMicro), a.Step, a.Attempt, a.Kind, a.Code, a.Error, a.Outcome, a.Wait)
		}
	}
	b.WriteString(l.tails())
	return b.String()
}

// tails are the last lines of the processes that run, and of those that were
// killed last.
func (l *lane) tails() string {
	var b strings.Builder
	recent := l.procs[max(0, len(l.procs)-recentProcs):]
	for _, p := range recent {
		lines := strings.Split(strings.TrimSpace(p.Log()), "\n")
		fmt.Fprintf(&b, "---- %s\n%s\n", l.names[p], strings.Join(lines[max(0, len(lines)-tailLines):], "\n"))
	}
	return b.String()
}

// What a broken episode shows of the logs.
const (
	recentProcs = 6
	tailLines   = 12
)

func number(n *int) string {
	if n == nil {
		return "none"
	}
	return fmt.Sprint(*n)
}
