package systest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"tasksync/task"
)

// httpClient waits longer than any call of a test takes.
var httpClient = &http.Client{Timeout: 5 * time.Minute}

// Answer is an HTTP answer.
type Answer struct {
	Status int
	Text   string

	t testing.TB
}

// At is what the answer's JSON has at a path such as "data.records.0.id"; nil
// stands for null and for what is not there. A number is a float64.
func (a Answer) At(path string) any {
	a.t.Helper()
	var v any
	if err := json.Unmarshal([]byte(a.Text), &v); err != nil {
		a.t.Fatalf("systest: the answer %d is not JSON: %v: %s", a.Status, err, a.Text)
	}
	for _, key := range strings.Split(path, ".") {
		switch in := v.(type) {
		case map[string]any:
			v = in[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(in) {
				return nil
			}
			v = in[i]
		default:
			return nil
		}
	}
	return v
}

// Int is the whole number at a path; without one the test fails.
func (a Answer) Int(path string) int {
	a.t.Helper()
	n, ok := a.At(path).(float64)
	if !ok || n != float64(int(n)) {
		a.t.Fatalf("systest: no whole number at %s: %d %s", path, a.Status, a.Text)
	}
	return int(n)
}

// Str is the text at a path; without one the test fails.
func (a Answer) Str(path string) string {
	a.t.Helper()
	text, ok := a.At(path).(string)
	if !ok {
		a.t.Fatalf("systest: no text at %s: %d %s", path, a.Status, a.Text)
	}
	return text
}

// Get asks the API for a path such as /api/sync/status.
func (s *System) Get(path string) Answer {
	s.t.Helper()
	return s.Do(s.ctx, http.MethodGet, s.APIURL+path, "")
}

// Post posts to the API without a body.
func (s *System) Post(path string) Answer {
	s.t.Helper()
	return s.Do(s.ctx, http.MethodPost, s.APIURL+path, "")
}

// Manual calls for a manual run of a type and waits for the answer.
func (s *System) Manual(t task.SyncType) Answer {
	s.t.Helper()
	return s.Post("/api/sync/" + string(t) + "/manual")
}

// Do sends one request, with a body of JSON unless it is "". A request that
// gets no answer fails the test; Try does not.
func (s *System) Do(ctx context.Context, method, url, body string) Answer {
	s.t.Helper()
	a, err := s.Try(ctx, method, url, body)
	if err != nil {
		s.t.Fatalf("systest: %s %s: %v", method, url, err)
	}
	return a
}

// Try sends one request and may be called in any goroutine.
func (s *System) Try(ctx context.Context, method, url, body string) (Answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := httpClient.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return Answer{Status: res.StatusCode, Text: string(text), t: s.t}, err
}

// SetFaults replaces the source's faults, such as {"latency":"3s"}; {} ends
// them.
func (s *System) SetFaults(faults string) {
	s.t.Helper()
	s.simulator(http.MethodPut, "/_sim/faults", faults)
}

// FreezeClock stops the source's clock.
func (s *System) FreezeClock(at time.Time) {
	s.t.Helper()
	s.simulator(http.MethodPut, "/_sim/clock", fmt.Sprintf(`{"now":%q}`, at.Format(time.RFC3339)))
}

func (s *System) simulator(method, path, body string) Answer {
	s.t.Helper()
	a := s.Do(s.ctx, method, s.SimURL+path, body)
	if a.Status != http.StatusOK {
		s.t.Fatalf("systest: %s %s: %d %s", method, path, a.Status, a.Text)
	}
	return a
}

// Truth are the ids and names of all tasks that the source made in a window,
// as it is now.
func (s *System) Truth(w task.Window) map[string]string {
	s.t.Helper()
	// The source's ends are both included, in whole seconds, and a window's end
	// is not.
	last := w.To.Add(-time.Nanosecond).Truncate(time.Second)
	query := func(t time.Time) string {
		return strings.ReplaceAll(t.In(Zone).Format(time.DateTime), " ", "%20")
	}
	a := s.simulator(http.MethodGet, "/_sim/truth?startTime="+query(w.From)+"&endTime="+query(last), "")
	names := map[string]string{}
	lines := json.NewDecoder(strings.NewReader(a.Text))
	for lines.More() {
		var line struct {
			ID       int64  `json:"id"`
			TaskName string `json:"taskName"`
		}
		if err := lines.Decode(&line); err != nil {
			s.t.Fatalf("systest: truth: %v", err)
		}
		names[strconv.FormatInt(line.ID, 10)] = line.TaskName
	}
	return names
}
