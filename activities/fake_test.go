package activities_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"tasksync/activities"
	"tasksync/task"
)

var (
	window = task.Window{From: time.Unix(1000, 0).UTC(), To: time.Unix(2000, 0).UTC()}
	asked  = time.Unix(3000, 0).UTC()
)

// source answers pages that were laid out beforehand; the cursor is the index.
type source struct {
	pages []task.Page
	asked []string
	err   error
}

func (s *source) Pages(_ context.Context, _ task.Window, cursor string) iter.Seq2[task.Page, error] {
	return func(yield func(task.Page, error) bool) {
		if s.err != nil {
			yield(task.Page{}, s.err)
			return
		}
		at := 0
		if cursor != "" {
			at, _ = strconv.Atoi(cursor)
		}
		for ; at < len(s.pages); at++ {
			s.asked = append(s.asked, strconv.Itoa(at))
			page := s.pages[at]
			page.FetchedAt = asked
			if at+1 < len(s.pages) {
				page.Next = strconv.Itoa(at + 1)
			}
			if !yield(page, nil) {
				return
			}
		}
	}
}

func page(total int, ids ...int) task.Page {
	p := task.Page{Total: &total}
	for _, id := range ids {
		p.Tasks = append(p.Tasks, numbered(id))
	}
	return p
}

func numbered(id int) task.Task {
	return task.Task{ID: strconv.Itoa(id), Name: fmt.Sprintf("name-%d", id), CreatedAt: window.From}
}

// store keeps claims in memory; what a test does not need panics.
type store struct {
	activities.Store
	claims  []task.Claim
	stored  map[string]task.Stored
	version int64
	running []task.Record
	closed  []task.Closing
	alarms  map[int64]string
	// before is called before a page is saved.
	before func(c task.Claim)
}

func (s *store) PackagesVersion(context.Context) (int64, error) { return s.version, nil }

func (s *store) Packages(context.Context) ([]task.Package, int64, error) { return nil, s.version, nil }

func (s *store) StoredTasks(_ context.Context, ids []string) (map[string]task.Stored, error) {
	out := map[string]task.Stored{}
	for _, id := range ids {
		if st, ok := s.stored[id]; ok {
			out[id] = st
		}
	}
	return out, nil
}

func (s *store) SavePage(_ context.Context, c task.Claim) (bool, error) {
	if s.before != nil {
		s.before(c)
	}
	if slices.ContainsFunc(s.claims, func(have task.Claim) bool { return have.Seq == c.Seq }) {
		return false, nil
	}
	s.claims = append(s.claims, c)
	return true, nil
}

func (s *store) PageHeads(_ context.Context, _ int64, from, to int) ([]task.ClaimHead, error) {
	var heads []task.ClaimHead
	for _, c := range s.claims {
		if c.Seq >= from && c.Seq < to {
			heads = append(heads, task.ClaimHead{Seq: c.Seq, Next: c.Next, Fetched: c.Fetched, Rows: c.Rows(), Undecided: c.Undecided})
		}
	}
	return heads, nil
}

func (s *store) SeenPages(_ context.Context, _ int64, from, before int) ([]task.SeenPage, error) {
	var pages, rejects []task.SeenPage
	for _, c := range s.claims {
		if c.Seq >= from && c.Seq < before {
			pages = append(pages, task.SeenPage{Pass: c.Pass, IDs: c.IDs})
			for _, r := range c.Rejects {
				rejects = append(rejects, task.SeenPage{Pass: c.Pass, Reject: &r})
			}
		}
	}
	return append(pages, rejects...), nil
}

func (s *store) PassSums(_ context.Context, _ int64, pass int) (task.PassSums, error) {
	var sums task.PassSums
	for _, c := range s.claims {
		if c.Pass == pass {
			sums.Distinct += c.PassDistinct
			sums.SourceTotal = c.SpanTotal
		}
	}
	return sums, nil
}

func (s *store) RunningRecords(context.Context) ([]task.Record, error) { return s.running, nil }

func (s *store) CloseRecord(_ context.Context, c task.Closing) (task.Record, error) {
	s.closed = append(s.closed, c)
	return task.Record{ID: c.RecordID, Status: c.Status}, nil
}

func (s *store) SetAlarm(_ context.Context, id int64, message string) error {
	s.alarms[id] = message
	return nil
}

// matcher decides names in its map; the search leaves the rest pending.
type matcher struct {
	version int64
	decided map[string]task.Match
}

func (m matcher) Version() int64 { return m.version }

func (m matcher) Lookup(name, _ string) (task.Match, bool) {
	found, ok := m.decided[name]
	return found, ok
}

func (m matcher) Search(string) task.Match { return task.Match{State: task.Pending} }

type executions struct {
	current map[string]task.Execution
	err     error
}

func (e executions) Current(_ context.Context, workflowID string) (task.Execution, error) {
	if e.err != nil {
		return task.Execution{}, e.err
	}
	x, ok := e.current[workflowID]
	if !ok {
		return x, task.Errorf(task.CodeNotFound, "没有")
	}
	return x, nil
}

func (e executions) NextRecordID(context.Context) (int64, error) { return 41, nil }

func (e executions) Ending(context.Context, string, string) (task.Ending, error) {
	return task.Ending{Status: task.Failed, Code: task.CodeTerminated, Message: "运行被终止", At: asked}, nil
}

// fixture runs activities in the SDK's test environment.
type fixture struct {
	t        *testing.T
	store    *store
	source   *source
	temporal executions
	decided  map[string]task.Match
}

func setup(t *testing.T) *fixture {
	t.Helper()
	t.Parallel()
	return &fixture{
		t: t, source: &source{}, decided: map[string]task.Match{},
		store: &store{version: 1, stored: map[string]task.Stored{}, alarms: map[int64]string{}},
	}
}

// activities are those of a new worker.
func (f *fixture) activities() *activities.Activities {
	return activities.New(f.config(), f.store, f.source, f.temporal)
}

func (f *fixture) config() activities.Config {
	return activities.Config{
		Zone: time.UTC, LockedBy: "worker-1", MaxRetries: 3, BatchSize: 2, Connections: 2,
		NewMatcher: func(version int64, _ []task.Package) activities.Matcher {
			return matcher{version: version, decided: f.decided}
		},
	}
}

func execute[Out any](f *fixture, activity any, args ...any) (Out, error) {
	f.t.Helper()
	return executeIn[Out](f.t.Context(), f, activity, args...)
}

// executeIn executes an activity whose worker stops when ctx ends.
func executeIn[Out any](ctx context.Context, f *fixture, activity any, args ...any) (Out, error) {
	f.t.Helper()
	suite := testsuite.WorkflowTestSuite{}
	env := suite.NewTestActivityEnvironment()
	env.SetWorkerOptions(worker.Options{BackgroundActivityContext: ctx})
	env.RegisterActivity(activity)
	var out Out
	value, err := env.ExecuteActivity(activity, args...)
	if err == nil {
		require.NoError(f.t, value.Get(&out))
	}
	return out, err
}

func (f *fixture) fetch(a *activities.Activities, in activities.FetchInput) activities.FetchResult {
	f.t.Helper()
	in.RecordID, in.Window, in.BatchSize = 7, window, 2
	if in.Pages == 0 {
		in.Pages = 20
	}
	out, err := execute[activities.FetchResult](f, a.FetchChunk, in)
	require.NoError(f.t, err)
	return out
}
