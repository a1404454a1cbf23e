package e2e_test

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tasksync/internal/systest"
	"tasksync/task"
)

// atOnce is how many tests run at once unless -parallel says otherwise: they
// wait more than they work.
const atOnce = "8"

func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		if err := flag.Set("test.parallel", atOnce); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}
	os.Exit(m.Run())
}

// start starts a run without waiting for it and answers its record's id.
func start(t *testing.T, s *systest.System, syncType task.SyncType) int64 {
	t.Helper()
	a := s.Post("/api/sync/" + string(syncType) + "/manual?wait=false")
	require.Equal(t, http.StatusAccepted, a.Status, a.Text)
	return int64(a.Int("record_id"))
}

// pending is a call that waits for its answer.
type pending struct {
	answer chan systest.Answer
	t      *testing.T
}

// call posts in the background.
func call(t *testing.T, s *systest.System, path string) pending {
	p := pending{make(chan systest.Answer, 1), t}
	go func() {
		a, err := s.Try(t.Context(), http.MethodPost, s.APIURL+path, "")
		if err != nil {
			a.Text = err.Error()
		}
		p.answer <- a
	}()
	return p
}

// wait is the answer; Status is 0 if there came none.
func (p pending) wait() systest.Answer {
	p.t.Helper()
	select {
	case a := <-p.answer:
		return a
	case <-time.After(3 * time.Minute):
		require.Fail(p.t, "no answer")
		return systest.Answer{}
	}
}

// fingerprint changes if any row of tasks is written.
func fingerprint(s *systest.System) string {
	return systest.Value[string](s, "SELECT coalesce(string_agg(concat_ws(':', id, xmin, ctid), ',' ORDER BY id), '') FROM tasks")
}

// requireSums holds every finished record to the sums of its counts.
func requireSums(t *testing.T, rec task.Record) {
	t.Helper()
	c := rec.Counts
	require.Equal(t, c.Total, c.Matched+c.Pending+c.Failed+c.Idle, "%+v", c)
	require.Equal(t, c.Total, c.New+c.Updated+c.Rejected+c.Unstored, "%+v", c)
	require.Equal(t, c.Total, c.Fetched-c.Duplicate-c.Unprocessed, "%+v", c)
}

// requireTruth holds the stored tasks of a record's window to what the source
// has: none lost, none doubled, none renamed.
func requireTruth(t *testing.T, s *systest.System, rec task.Record) {
	t.Helper()
	var want []string
	for id, name := range s.Truth(rec.Window) {
		want = append(want, id+" "+name)
	}
	slices.Sort(want)
	have := strings.Split(systest.Value[string](s, `SELECT coalesce(string_agg(id || ' ' || name, E'\n'), '')
		FROM tasks WHERE source_created_at >= $1 AND source_created_at < $2 AND missing_at IS NULL`, rec.Window.From, rec.Window.To), "\n")
	slices.Sort(have)
	require.Equal(t, len(want), len(have), "tasks")
	require.Equal(t, want, have)
}
