package sim_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"tasksync/guanke/sim"
)

func truthOf(t *testing.T, s *sim.Server) (order []int64, names map[int64]string) {
	t.Helper()
	_, all := truth(t, s, "2026-11-20 00:00:00", "2026-11-22 23:59:59")
	names = make(map[int64]string)
	for _, e := range all {
		order = append(order, e.ID)
		names[e.ID] = e.TaskName
	}
	require.Len(t, names, len(all))
	return order, names
}

func TestChangesAtOnce(t *testing.T) {
	t.Parallel()
	s := setup(t, sim.Config{TasksPerDay: 200})
	tok := token(t, s)
	order, before := truthOf(t, s)
	set := func(body string) (order []int64, names map[int64]string) {
		w := ask(s, "PUT", "/_sim/changes", body)
		require.Equal(t, http.StatusOK, w.Code, w.Body)
		order, names = truthOf(t, s)
		got := list(t, s, tok, "2026-11-20 00:00:00", "2026-11-22 23:59:59")
		require.Equal(t, order, ids(got), "a list shows the truth")
		require.Equal(t, len(order), got.Data.TotalCount)
		return order, names
	}

	_, renamed := set(`{"seed":7,"rename":0.2}`)
	require.Len(t, renamed, 600)
	n := 0
	for id, name := range renamed {
		if name != before[id] {
			n++
		}
	}
	require.InDelta(t, 120, n, 40)
	_, again := set(`{"seed":7,"rename":0.2}`)
	require.Equal(t, renamed, again, "the seed decides")
	_, other := set(`{"seed":8,"rename":0.2}`)
	require.NotEqual(t, renamed, other)

	_, left := set(`{"seed":7,"delete":0.2}`)
	require.InDelta(t, 480, len(left), 40)
	_, all := set(`{"seed":7,"add":0.2}`)
	require.Equal(t, before, all, "what is added at once is there")

	moved, names := set(`{"seed":7,"move":0.1}`)
	require.Equal(t, before, names)
	require.NotEqual(t, order, moved)
	require.ElementsMatch(t, order, moved)

	require.JSONEq(t, `{"progress":1}`, ask(s, "DELETE", "/_sim/changes", "").Body.String())
	back, names := truthOf(t, s)
	require.Equal(t, order, back)
	require.Equal(t, before, names)
}

func TestChangesWhileReading(t *testing.T) {
	t.Parallel()
	s := setup(t, sim.Config{TasksPerDay: 200})
	tok := token(t, s)
	_, all := truthOf(t, s)
	require.NoError(t, s.SetChanges(sim.Changes{Seed: 3, Delete: 0.2, Add: 0.3, Rename: 0.1, Over: 4}))
	_, start := truthOf(t, s)
	require.InDelta(t, 420, len(start), 40, "what is to be added is not there")
	var sizes []string
	for range 6 {
		got := list(t, s, tok, "2026-11-20 00:00:00", "2026-11-22 23:59:59")
		sizes = append(sizes, fmt.Sprint(got.Data.TotalCount))
	}
	require.NotEqual(t, sizes[0], sizes[1])
	require.NotEqual(t, sizes[2], sizes[3])
	require.Equal(t, sizes[4], sizes[5], "it settles")
	_, end := truthOf(t, s)
	require.InDelta(t, 480, len(end), 40)
	for id := range end {
		require.Contains(t, all, id)
	}
	require.JSONEq(t, `{"seed":3,"delete":0.2,"add":0.3,"rename":0.1,"over":4,"progress":1}`, ask(s, "GET", "/_sim/changes", "").Body.String())
}

func TestChangesThatAreRefused(t *testing.T) {
	t.Parallel()
	s := setup(t, sim.Config{})
	for _, bad := range []string{``, `[]`, `{"rename":1.1}`, `{"delete":-1}`, `{"over":-1}`, `{"remove":1}`, `{"seed":"x"}`} {
		w := ask(s, "PUT", "/_sim/changes", bad)
		require.Equal(t, http.StatusBadRequest, w.Code, bad)
		require.Contains(t, w.Body.String(), `"error"`)
	}
	w := ask(s, "PUT", "/_sim/changes", `{"delete":1}`, "Origin", "https://evil.example")
	require.Equal(t, http.StatusForbidden, w.Code)
	require.Equal(t, http.StatusForbidden, ask(s, "GET", "/_sim/changes", "", "Host", "evil.example").Code)
}
