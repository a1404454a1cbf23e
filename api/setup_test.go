package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/stretchr/testify/require"

	"tasksync/api"
	"tasksync/task"
)

// fakeRecords answers with its fields; a call without one panics, and so fails
// the test with a 500.
type fakeRecords struct {
	list        func(context.Context, task.RecordFilter) (task.RecordList, error)
	record      func(context.Context, int64) (task.Record, error)
	markRead    func(context.Context, int64, string) error
	markAllRead func(context.Context, string) error
	latest      func(context.Context) (map[task.SyncType]task.Record, error)
	ping        func(context.Context) error
}

func (f *fakeRecords) List(ctx context.Context, filter task.RecordFilter) (task.RecordList, error) {
	return f.list(ctx, filter)
}

func (f *fakeRecords) Record(ctx context.Context, id int64) (task.Record, error) {
	return f.record(ctx, id)
}

func (f *fakeRecords) MarkRead(ctx context.Context, id int64, actor string) error {
	return f.markRead(ctx, id, actor)
}

func (f *fakeRecords) MarkAllRead(ctx context.Context, actor string) error {
	return f.markAllRead(ctx, actor)
}

func (f *fakeRecords) Latest(ctx context.Context) (map[task.SyncType]task.Record, error) {
	return f.latest(ctx)
}

func (f *fakeRecords) Ping(ctx context.Context) error { return f.ping(ctx) }

// fakeRuns is like fakeRecords.
type fakeRuns struct {
	start  func(context.Context, task.StartRequest) (task.Started, error)
	wait   func(context.Context, task.SyncType, string) error
	cancel func(context.Context, task.SyncType, string) error
	locks  func(context.Context) (map[task.SyncType]task.Lock, error)
	ready  func(context.Context) error
}

func (f *fakeRuns) Start(ctx context.Context, request task.StartRequest) (task.Started, error) {
	return f.start(ctx, request)
}

func (f *fakeRuns) Wait(ctx context.Context, syncType task.SyncType, runID string) error {
	return f.wait(ctx, syncType, runID)
}

func (f *fakeRuns) Cancel(ctx context.Context, syncType task.SyncType, actor string) error {
	return f.cancel(ctx, syncType, actor)
}

func (f *fakeRuns) Locks(ctx context.Context) (map[task.SyncType]task.Lock, error) {
	return f.locks(ctx)
}

func (f *fakeRuns) Ready(ctx context.Context) error { return f.ready(ctx) }

// env is one API on a port of its own. A test sets the fakes' fields before
// its first request.
type env struct {
	t       *testing.T
	records fakeRecords
	runs    fakeRuns
	server  *httptest.Server
	log     lockedBuffer
	// anyStatus allows a status that openapi.yaml does not name.
	anyStatus bool
}

func setup(t *testing.T, change ...func(*api.Config)) *env {
	t.Helper()
	e := &env{t: t}
	handler, err := api.New(config(change...), &e.records, &e.runs, slog.New(slog.NewTextHandler(&e.log, nil)))
	require.NoError(t, err)
	e.server = httptest.NewServer(handler)
	t.Cleanup(e.server.Close)
	return e
}

func config(change ...func(*api.Config)) api.Config {
	cfg := api.Config{
		Addr:       "127.0.0.1:8080",
		Zone:       time.FixedZone("CST", 8*60*60),
		ManualWait: time.Minute,
		LockedBy:   "MacBook-Pro.local-12345",
	}
	for _, f := range change {
		f(&cfg)
	}
	return cfg
}

// lockedBuffer is a log that handlers write and the test reads.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

type answer struct {
	status int
	header http.Header
	body   []byte
}

// do sends a request and holds the answer against openapi.yaml. "Host" in the
// headers replaces the request's host.
func (e *env) do(method, target string, headers ...string) answer {
	e.t.Helper()
	request, err := http.NewRequestWithContext(e.t.Context(), method, e.server.URL+target, nil)
	require.NoError(e.t, err)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	if host := request.Header.Get("Host"); host != "" {
		request.Host = host
	}
	response, err := e.server.Client().Do(request)
	require.NoError(e.t, err)
	defer func() { require.NoError(e.t, response.Body.Close()) }()
	body, err := io.ReadAll(response.Body)
	require.NoError(e.t, err)
	e.contract(method, target, response, body)
	return answer{response.StatusCode, response.Header, body}
}

// spec is the document as it stands in the file, not as it is embedded.
var spec = sync.OnceValues(func() (*openapi3.T, error) {
	doc, err := openapi3.NewLoader().LoadFromFile("openapi.yaml")
	if err != nil {
		return nil, err
	}
	return doc, doc.Validate(context.Background())
})

// router finds the operation of a request.
var router = sync.OnceValues(func() (routers.Router, error) {
	doc, err := spec()
	if err != nil {
		return nil, err
	}
	return legacy.NewRouter(doc)
})

// contract validates an answer against openapi.yaml: its operation, or the
// error envelope where no operation was found.
func (e *env) contract(method, target string, response *http.Response, body []byte) {
	e.t.Helper()
	if method == http.MethodHead || response.StatusCode == http.StatusNoContent {
		require.Empty(e.t, body)
		return
	}
	require.Equal(e.t, "application/json", response.Header.Get("Content-Type"))
	doc, err := spec()
	require.NoError(e.t, err)
	if response.StatusCode >= http.StatusBadRequest && response.StatusCode != http.StatusServiceUnavailable {
		var value any
		require.NoError(e.t, json.Unmarshal(body, &value))
		require.NoError(e.t, doc.Components.Schemas["Error"].Value.VisitJSON(value), "%s", body)
		require.Equal(e.t, false, value.(map[string]any)["success"])
	}
	find, err := router()
	require.NoError(e.t, err)
	request, err := http.NewRequestWithContext(e.t.Context(), method, target, nil)
	require.NoError(e.t, err)
	route, params, err := find.FindRoute(request)
	if err != nil {
		require.Contains(e.t, []int{http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusForbidden}, response.StatusCode)
		return
	}
	require.NoError(e.t, openapi3filter.ValidateResponse(e.t.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: request, PathParams: params, Route: route},
		Status:                 response.StatusCode,
		Header:                 response.Header,
		Body:                   io.NopCloser(bytes.NewReader(body)),
		Options:                &openapi3filter.Options{IncludeResponseStatus: !e.anyStatus},
	}), "%s %s: %d %s", method, target, response.StatusCode, body)
}

func (a answer) object(t *testing.T) map[string]any {
	t.Helper()
	var object map[string]any
	require.NoError(t, json.Unmarshal(a.body, &object))
	return object
}

// refused asserts the envelope of an error and returns its text.
func (a answer) refused(t *testing.T, status int, code task.Code) string {
	t.Helper()
	require.Equal(t, status, a.status, "%s", a.body)
	object := a.object(t)
	require.Equal(t, false, object["success"])
	require.Equal(t, string(code), object["error_type"])
	text, ok := object["error"].(string)
	require.True(t, ok)
	require.NotEmpty(t, text)
	return text
}

func guide(t *testing.T, name string) map[string]any {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "guide", name+".json"))
	require.NoError(t, err)
	var object map[string]any
	require.NoError(t, json.Unmarshal(text, &object))
	return object
}

// at is a time of the guide, in the business zone.
func at(t *testing.T, text string) time.Time {
	t.Helper()
	parsed, err := time.Parse(time.RFC3339, text+"+08:00")
	require.NoError(t, err)
	// Stores answer in UTC; the API must not care.
	return parsed.UTC()
}

// guideRecord is record 1 of the guide's list.
func guideRecord(t *testing.T) task.Record {
	t.Helper()
	start, end := at(t, "2025-10-24T10:00:00"), at(t, "2025-10-24T10:00:15")
	return task.Record{
		ID: 1, Type: task.Historical, Trigger: task.Auto, Status: task.Success,
		WorkflowID: "sync-historical", FirstRunID: "run-1", Actor: "schedule",
		Window:    task.Window{From: at(t, "2025-10-21T00:00:00"), To: at(t, "2025-10-24T00:00:00")},
		LockedBy:  "MacBook-Pro.local-12345",
		StartTime: start, EndTime: &end, CreatedAt: start, UpdatedAt: end,
		Counts:     task.Counts{Total: 85, New: 12, Updated: 73, Unchanged: 60, Matched: 80, Pending: 5, Fetched: 85},
		MaxRetries: 3,
	}
}
