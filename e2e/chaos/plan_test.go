package chaos_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"tasksync/guanke/sim"
	"tasksync/task"
)

// The states of the stored tasks that an episode begins with.
const (
	beginEmpty   = "empty"
	beginStored  = "stored"
	beginChanged = "changed"
)

// What a strike's moment is counted in.
const (
	byPages   = "pages"
	byBatches = "batches"
	// byClosing is when the run has ended.
	byClosing = "closed"
)

// plan is what an episode does: a pure function of its seed.
type plan struct {
	Seed    int64
	Begin   string
	Types   []task.SyncType
	Trigger task.Trigger
	Workers int
	// Changes are what happened at the source before the run.
	Changes sim.Changes
	Strikes []strike
}

// strike is one disturbance.
type strike struct {
	Kind string
	// Run is the index of the run that it is aimed at, Worker that of the worker.
	Run, Worker int
	// By and At say when: at which share of the pages or of the batches.
	By string
	At float64
	// Down is how long what was killed stays away.
	Down time.Duration
	// Back is how far a reset goes back, as a share of the history.
	Back    float64
	Faults  *sim.Faults
	Changes *sim.Changes
}

// kind is one kind of strike.
type kind struct {
	name string
	draw func(r *rand.Rand, s *strike)
}

// The groups of kinds, in the order of the table.
var kinds = slices.Concat(kills, orders, sourceKinds)

var kills = []kind{
	{"kill worker", down(3)}, {"kill API", down(2)}, {"kill PostgreSQL", down(4)}, {"kill Temporal", down(3)}, {"kill all", down(2)},
}

var orders = []kind{
	{"terminate", nil},
	{"cancel", nil},
	{"reset", func(r *rand.Rand, s *strike) { s.Back = r.Float64() }},
	{"reset after the end", func(r *rand.Rand, s *strike) { s.Back, s.By, s.At = r.Float64(), byClosing, 1 }},
}

func down(most int64) func(*rand.Rand, *strike) {
	return func(r *rand.Rand, s *strike) { s.Down = time.Duration(r.Int64N(most*10)) * 100 * time.Millisecond }
}

// planOf draws the plan of a seed. The first strike's kind goes round with the
// seed, so that as many episodes as there are kinds have each of them.
func planOf(seed int64) plan {
	r := rand.New(rand.NewPCG(uint64(seed), 0x74736b)) //nolint:gosec // repeatable, not secret
	p := plan{Seed: seed, Begin: beginEmpty, Trigger: task.Manual, Workers: 1 + r.IntN(2)}
	switch n := r.IntN(10); {
	case n >= 8:
		p.Begin, p.Changes = beginChanged, changes(r)
	case n >= 6:
		p.Begin = beginStored
	}
	switch n := r.IntN(10); {
	case n < 6:
		p.Types = []task.SyncType{task.Historical}
	case n < 7:
		p.Types = []task.SyncType{task.Today}
	default:
		p.Types = []task.SyncType{task.Historical, task.Today}
	}
	if r.IntN(3) == 0 {
		p.Trigger = task.Auto
	}
	for i := range 1 + r.IntN(3) {
		k := kinds[int(seed%int64(len(kinds)))]
		if i > 0 {
			// Kills are what there should be most of.
			if k = kinds[r.IntN(len(kinds))]; r.IntN(2) == 0 {
				k = kills[r.IntN(len(kills))]
			}
		}
		p.Strikes = append(p.Strikes, p.strike(r, k))
	}
	slices.SortStableFunc(p.Strikes, func(a, b strike) int { return cmp.Compare(a.order(), b.order()) })
	return p
}

func (p plan) strike(r *rand.Rand, k kind) strike {
	s := strike{Kind: k.name, Run: r.IntN(len(p.Types)), Worker: r.IntN(p.Workers), By: byPages, At: r.Float64()}
	if p.Begin == beginEmpty && r.IntN(2) == 0 {
		s.By = byBatches
	}
	switch r.IntN(8) {
	case 0:
		s.At = 0 // As soon as the record is there.
	case 1:
		s.At = 1 // Between the last page or batch and the end.
	}
	if k.draw != nil {
		k.draw(r, &s)
	}
	return s
}

// order puts the strikes of an episode in the order of their moments.
func (s strike) order() float64 {
	if s.By == byClosing {
		return 2
	}
	return s.At
}

func (p plan) has(names ...string) bool {
	return slices.ContainsFunc(p.Strikes, func(s strike) bool { return slices.Contains(names, s.Kind) })
}

func (p plan) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d: %s tasks, %v, trigger %s, %d worker(s)", p.Seed, p.Begin, p.Types, p.Trigger, p.Workers)
	if p.Begin == beginChanged {
		fmt.Fprintf(&b, " by %s", text(p.Changes))
	}
	for _, s := range p.Strikes {
		fmt.Fprintf(&b, "\n  %s", s)
	}
	return b.String()
}

func (s strike) String() string {
	out := fmt.Sprintf("%s at %.2f of the %s of run %d", s.Kind, s.At, s.By, s.Run)
	switch {
	case s.Kind == "kill worker":
		out += fmt.Sprintf(", worker %d, away for %s", s.Worker, s.Down)
	case strings.HasPrefix(s.Kind, "kill"):
		out += fmt.Sprintf(", away for %s", s.Down)
	case strings.HasPrefix(s.Kind, "reset"):
		out += fmt.Sprintf(", back to %.2f of the history", s.Back)
	case s.Faults != nil:
		out += " " + text(s.Faults)
	case s.Changes != nil:
		out += " " + text(s.Changes)
	}
	return out
}

func text(v any) string {
	out, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(out)
}
