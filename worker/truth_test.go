package worker_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"time"

	"github.com/stretchr/testify/require"

	"tasksync/guanke/sim"
	"tasksync/task"
)

// sourceTask is a task as the source has it.
type sourceTask struct {
	ID       int64
	TaskName string
}

// historicalTruth is what the source has now in the window of a historical run.
func historicalTruth(source *sim.Server) []sourceTask {
	w := task.WindowAt(task.Historical, time.Now(), shanghai)
	q := url.Values{"startTime": {w.From.Format(time.DateTime)}, "endTime": {w.To.Add(-time.Second).Format(time.DateTime)}}
	r := httptest.NewRequest(http.MethodGet, "http://localhost/_sim/truth?"+q.Encode(), nil)
	answer := httptest.NewRecorder()
	source.ServeHTTP(answer, r)
	var out []sourceTask
	for d := json.NewDecoder(answer.Body); d.More(); {
		var t sourceTask
		if err := d.Decode(&t); err != nil {
			panic(err)
		}
		out = append(out, t)
	}
	return out
}

// requireTruth compares the tasks that are not missing with the source's.
func (s *system) requireTruth() {
	s.t.Helper()
	want := make(map[string]string)
	for _, t := range historicalTruth(s.sim) {
		want[strconv.FormatInt(t.ID, 10)] = t.TaskName
	}
	got := make(map[string]string)
	rows, err := s.sql.Query(s.ctx, "SELECT id, name FROM tasks WHERE missing_at IS NULL")
	require.NoError(s.t, err)
	defer rows.Close()
	for rows.Next() {
		var id, name string
		require.NoError(s.t, rows.Scan(&id, &name))
		got[id] = name
	}
	require.NoError(s.t, rows.Err())
	require.Equal(s.t, want, got)
}
