package chaos_test

import (
	"math/rand/v2"
	"time"

	"tasksync/guanke/sim"
)

// pace is how long each answer of the source takes, so that a run has a middle.
const pace = 80 * time.Millisecond

// beforeEnd is the share of a run in which the source is still asked.
const beforeEnd = 0.85

// sourceKinds are the ways in which the source misbehaves.
var sourceKinds = []kind{
	{"latency", faults(func(r *rand.Rand, f *sim.Faults) {
		f.Latency, f.Times = time.Duration(500+r.IntN(1500))*time.Millisecond, 1+r.IntN(4)
	})},
	{"5xx", faults(func(r *rand.Rand, f *sim.Faults) { f.Status = 500 + r.IntN(5) })},
	{"429", faults(func(r *rand.Rand, f *sim.Faults) { f.Status, f.RetryAfter = 429, r.IntN(4) })},
	{"connection reset", faults(func(_ *rand.Rand, f *sim.Faults) { f.Reset = true })},
	{"expired token", faults(func(_ *rand.Rand, f *sim.Faults) { f.ExpiredToken = true })},
	{"slow body", body(sim.BodyTrickle)},
	{"stalled body", faults(func(_ *rand.Rand, f *sim.Faults) { f.Body, f.Times = sim.BodyStall, 1 })},
	{"endless body", faults(func(_ *rand.Rand, f *sim.Faults) { f.Body, f.Times = sim.BodyEndless, 1 })},
	{"truncated body", body(sim.BodyTruncated)},
	{"cut body", body(sim.BodyCut)},
	{"malformed JSON", body(sim.BodyMalformed)},
	{"login page", body(sim.BodyHTML)},
	{"duplicates", entries(sim.EntriesDuplicates)},
	{"same page twice", entries(sim.EntriesRepeat)},
	{"oversized page", entries(sim.EntriesOversize)},
	{"wrong types", entries(sim.EntriesMistyped)},
	{"empty list", entries(sim.EntriesNone)},
	{"lying total", faults(func(r *rand.Rand, f *sim.Faults) {
		totals := []string{sim.TotalHigh, sim.TotalLow, sim.TotalChanging, sim.TotalNone, sim.TotalZero}
		f.Total, f.Times = totals[r.IntN(len(totals))], 1+r.IntN(6)
	})},
	{"drift", func(r *rand.Rand, s *strike) {
		// It goes on for a while, after the moment.
		c := changes(r)
		c.Add, c.Move, c.Over = 0, r.Float64()*0.05, 5+r.IntN(25)
		s.Changes, s.At = &c, s.At*beforeEnd
	}},
}

// lies are the kinds after which a run may not know that it lacks something, or
// has something old. Any other kind it finds out by the source's total.
var lies = []string{"lying total", "wrong types", "drift"}

// passing are the kinds that a run overcomes if they come at most maxRetries
// times: of these alone it never fails.
var passing = []string{"latency", "5xx", "429", "connection reset", "slow body", "stalled body", "cut body"}

func faults(set func(*rand.Rand, *sim.Faults)) func(*rand.Rand, *strike) {
	return func(r *rand.Rand, s *strike) {
		f := sim.Faults{Latency: pace, Times: 1 + r.IntN(3)}
		set(r, &f)
		s.Faults, s.At = &f, s.At*beforeEnd
	}
}

func body(kind string) func(*rand.Rand, *strike) {
	return faults(func(_ *rand.Rand, f *sim.Faults) { f.Body = kind })
}

func entries(kind string) func(*rand.Rand, *strike) {
	return faults(func(r *rand.Rand, f *sim.Faults) { f.Entries, f.Times = kind, 1+r.IntN(6) })
}

// changes are what happened at the source since the last run.
func changes(r *rand.Rand) sim.Changes {
	return sim.Changes{Seed: r.Int64N(1 << 30), Rename: r.Float64() * 0.1, Delete: r.Float64() * 0.05}
}
