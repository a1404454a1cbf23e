package sim_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"tasksync/guanke/sim"
)

// reader reads pages of the historical window, 84 tasks.
type reader struct {
	t    *testing.T
	s    *sim.Server
	tok  string
	size string
}

func newReader(t *testing.T, size int) reader {
	s := setup(t, sim.Config{})
	return reader{t, s, token(t, s), strconv.Itoa(size)}
}

func (r reader) page(no int) listed {
	return list(r.t, r.s, r.tok, "2026-11-20 00:00:00", "2026-11-22 23:59:59", "page", strconv.Itoa(no), "pageSize", r.size)
}

func ids(pages ...listed) []int64 {
	var out []int64
	for _, p := range pages {
		for _, e := range p.Data.Data {
			out = append(out, e.ID)
		}
	}
	return out
}

func TestEntries(t *testing.T) {
	t.Parallel()
	r := newReader(t, 20)
	first, second, last := r.page(1), r.page(2), r.page(5)
	require.Len(t, last.Data.Data, 4)
	set := func(f sim.Faults) { require.NoError(t, r.s.SetFaults(f)) }

	set(sim.Faults{Entries: sim.EntriesNone})
	require.Empty(t, r.page(1).Data.Data)
	require.Equal(t, 84, r.page(1).Data.TotalCount)

	set(sim.Faults{Entries: sim.EntriesOversize})
	require.Equal(t, append(ids(first), ids(second)[0]), ids(r.page(1)))
	require.Len(t, r.page(5).Data.Data, 21)
	all := newReader(t, 1000)
	require.NoError(t, all.s.SetFaults(sim.Faults{Entries: sim.EntriesOversize}))
	require.Len(t, all.page(1).Data.Data, 1001)

	set(sim.Faults{Entries: sim.EntriesRepeat, Pages: []int{1, 2}})
	require.Equal(t, first, r.page(1))
	require.Equal(t, ids(first), ids(r.page(2)))
	require.Equal(t, 2, r.page(2).Data.Page)
	require.Equal(t, last, r.page(5))

	set(sim.Faults{Entries: sim.EntriesDuplicates})
	var twice []int64
	for no := range 5 {
		twice = append(twice, ids(r.page(no+1))...)
	}
	require.Len(t, twice, 92)
	require.True(t, slices.IsSorted(twice))
	require.Equal(t, twice[9], twice[10])
	require.Len(t, slices.Compact(twice), 84)
	across := newReader(t, 10)
	require.NoError(t, across.s.SetFaults(sim.Faults{Entries: sim.EntriesDuplicates}))
	require.Equal(t, ids(across.page(1))[9], ids(across.page(2))[0])

	set(sim.Faults{Entries: sim.EntriesMistyped})
	w := ask(r.s, "GET", historical, "", "Authorization", r.tok)
	var raw struct {
		Data struct{ Data []json.RawMessage }
	}
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &raw))
	require.Len(t, raw.Data.Data, 84)
	wrong := 0
	for _, text := range raw.Data.Data {
		if err := json.Unmarshal(text, new(entry)); err != nil {
			wrong++
		}
	}
	require.Equal(t, 8, wrong)
}

func TestTotals(t *testing.T) {
	t.Parallel()
	r := newReader(t, 1000)
	for kind, want := range map[string][]int{
		sim.TotalHigh: {92, 92}, sim.TotalLow: {76, 76}, sim.TotalChanging: {85, 86}, sim.TotalZero: {0, 0},
	} {
		r := newReader(t, 1000)
		require.NoError(t, r.s.SetFaults(sim.Faults{Total: kind}))
		for _, total := range want {
			got := r.page(1)
			require.Len(t, got.Data.Data, 84)
			require.Equal(t, total, got.Data.TotalCount, kind)
		}
	}
	require.NoError(t, r.s.SetFaults(sim.Faults{Total: sim.TotalNone, Entries: sim.EntriesNone}))
	w := ask(r.s, "GET", historical, "", "Authorization", r.tok)
	require.Contains(t, w.Body.String(), `"data":[],"totalCount":null`)
}

func TestWhichRequestsAreHit(t *testing.T) {
	t.Parallel()
	r := newReader(t, 20)
	hits := func(f sim.Faults, pages ...int) (out []bool) {
		require.NoError(t, r.s.SetFaults(f))
		for _, no := range pages {
			out = append(out, r.page(no).Code == 1001)
		}
		return out
	}
	require.Equal(t, []bool{false, false, true, false}, hits(sim.Faults{Code: 1001, After: 2, Times: 1}, 1, 2, 3, 4))
	require.Equal(t, []bool{false, true, false, true}, hits(sim.Faults{Code: 1001, Pages: []int{2, 4}}, 1, 2, 3, 4))
	require.Equal(t, []bool{false, false, false, true}, hits(sim.Faults{Code: 1001, Pages: []int{2}, After: 1}, 2, 1, 1, 2))

	many := slices.Repeat([]int{1}, 400)
	some := hits(sim.Faults{Code: 1001, Probability: 0.25, Seed: 7}, many...)
	require.Equal(t, some, hits(sim.Faults{Code: 1001, Probability: 0.25, Seed: 7}, many...), "the seed decides")
	require.NotEqual(t, some, hits(sim.Faults{Code: 1001, Probability: 0.25, Seed: 8}, many...))
	count := len(slices.DeleteFunc(some, func(hit bool) bool { return !hit }))
	require.InDelta(t, 100, count, 40)

	require.NoError(t, r.s.SetFaults(sim.Faults{Code: 1001, Probability: 0.5, Seed: 1, After: 3, Times: 2}))
	r.page(1)
	require.JSONEq(t, `{"code":1001,"probability":0.5,"seed":1,"after":2,"times":2}`, ask(r.s, "GET", "/_sim/faults", "").Body.String())
}

func TestFaultsThatContradict(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		`{"body":"slow"}`:                          "trickle、stall、endless",
		`{"entries":"some"}`:                       "none、oversize",
		`{"total":"84"}`:                           "high、low",
		`{"body":"bomb","status":503}`:             "只能设置一个",
		`{"entries":"none","code":1001}`:           "不能与",
		`{"total":"high","scope":"token"}`:         "scope list",
		`{"status":503,"pages":[1],"scope":"all"}`: "scope list",
		`{"status":503,"pages":[0]}`:               "pages",
		`{"status":503,"after":-1}`:                "after",
		`{"status":503,"probability":1.5}`:         "probability",
	} {
		_, err := sim.ParseFaults(text)
		require.ErrorContains(t, err, says, text)
	}
	f, err := sim.ParseFaults(`{"body":"truncated","entries":"mistyped","total":"low","pages":[2],"after":1,"probability":0.1,"seed":7,"times":3}`)
	require.NoError(t, err)
	require.Equal(t, sim.Faults{
		Body: "truncated", Entries: "mistyped", Total: "low", Pages: []int{2}, After: 1, Probability: 0.1, Seed: 7, Times: 3,
	}, f)
	require.Equal(t, http.StatusBadRequest, ask(setup(t, sim.Config{}), "PUT", "/_sim/faults", `{"body":"slow"}`).Code)
}
