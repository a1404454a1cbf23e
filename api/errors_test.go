package api_test

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tasksync/api/apigen"
	"tasksync/task"
)

// codes reads the codes from the source of package task, so that a new one
// without a status here fails the test.
func codes(t *testing.T) []task.Code {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../task/error.go", nil, 0)
	require.NoError(t, err)
	var found []task.Code
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Code" {
			text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			found = append(found, task.Code(text))
		}
		return true
	})
	require.NotEmpty(t, found)
	return found
}

func TestStatusOfEveryCode(t *testing.T) {
	t.Parallel()
	want := map[task.Code]int{
		"invalid_argument": 400, "forbidden_origin": 403, "not_found": 404,
		"lock_conflict": 409, "canceled": 409, "record_closed": 409,
		"terminated": 500, "lock_timeout": 500, "internal": 500,
		"source_unavailable": 502, "source_auth": 502, "source_contract": 502, "source_drift": 502,
		"worker_unavailable": 503, "database_unavailable": 503, "temporal_unavailable": 503,
	}
	for _, code := range codes(t) {
		t.Run(string(code), func(t *testing.T) {
			t.Parallel()
			require.Contains(t, want, code)
			e := setup(t)
			e.anyStatus = true
			e.records.record = func(context.Context, int64) (task.Record, error) {
				return task.Record{}, task.Wrap(code, errors.New("password=hunter2"), "人能看懂的原因")
			}
			got := e.do("GET", "/api/sync/records/1")
			require.Equal(t, "人能看懂的原因", got.refused(t, want[code], code))
			require.NotContains(t, string(got.body), "hunter2")
			require.Equal(t, want[code] >= 500, strings.Contains(e.log.String(), "hunter2"), "the log has the cause of a 5xx")
		})
	}
}

func TestUnknownErrorsTellNothing(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.records.record = func(context.Context, int64) (task.Record, error) {
		return task.Record{}, errors.New("dial tcp 10.0.0.5:5432: password=hunter2")
	}
	got := e.do("GET", "/api/sync/records/1")
	require.Equal(t, "内部错误，请查看日志", got.refused(t, 500, task.CodeInternal))
	require.Contains(t, e.log.String(), "hunter2")
}

func TestPanic(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.records.record = func(context.Context, int64) (task.Record, error) { panic("boom in hunter2") }
	got := e.do("GET", "/api/sync/records/1")
	require.Equal(t, "内部错误，请查看日志", got.refused(t, 500, task.CodeInternal))
	require.NotContains(t, string(got.body), "goroutine")
	require.Contains(t, e.log.String(), "boom in hunter2")
	require.Contains(t, e.log.String(), "errors_test.go", "the log has the stack")
}

func TestNoSuchOperation(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.anyStatus = true
	for _, target := range []string{"/", "/api", "/api/sync/records/", "/api/sync/records/1/unread", "/healthz/"} {
		got := e.do("GET", target)
		require.Contains(t, got.refused(t, 404, task.CodeNotFound), target)
	}
	for _, tc := range []struct{ method, target, allow string }{
		{"GET", "/api/sync/historical/manual", "POST"},
		{"GET", "/api/sync/today/cancel", "POST"},
		{"GET", "/api/sync/records/1/read", "POST"},
		{"DELETE", "/api/sync/records/1", "GET"},
		{"POST", "/api/sync/records", "GET"},
		{"PUT", "/api/sync/status", "GET"},
		{"OPTIONS", "/api/sync/status", "GET"},
	} {
		got := e.do(tc.method, tc.target)
		require.Contains(t, got.refused(t, 405, "method_not_allowed"), tc.allow, tc)
		require.Equal(t, tc.allow, got.header.Get("Allow"), tc)
	}
}

func TestBody(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.records.markAllRead = func(context.Context, string) error { return nil }
	post := func(body string) int {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
			e.server.URL+"/api/sync/records/read-all", strings.NewReader(body))
		require.NoError(t, err)
		response, err := e.server.Client().Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		return response.StatusCode
	}
	require.Equal(t, 200, post(`{"anything":true}`))
	require.Equal(t, 400, post(strings.Repeat("x", 64<<10+1)))
}

func TestProbes(t *testing.T) {
	t.Parallel()
	database := task.Errorf(task.CodeDatabaseUnavailable, "数据库不可用")
	temporal := task.Errorf(task.CodeTemporalUnavailable, "Temporal 不可用")
	worker := task.Errorf(task.CodeWorkerUnavailable, "没有工作进程")
	for name, tc := range map[string]struct {
		ping, ready error
		missing     []any
	}{
		"all is there":   {nil, nil, nil},
		"database":       {database, nil, []any{"database_unavailable"}},
		"untyped":        {errors.New("refused"), errors.New("refused"), []any{"database_unavailable", "temporal_unavailable"}},
		"temporal":       {nil, temporal, []any{"temporal_unavailable"}},
		"worker":         {nil, worker, []any{"worker_unavailable"}},
		"all is missing": {database, worker, []any{"database_unavailable", "worker_unavailable"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := setup(t)
			e.records.ping = func(context.Context) error { return tc.ping }
			e.runs.ready = func(context.Context) error { return tc.ready }
			ready := e.do("GET", "/readyz")
			if tc.missing == nil {
				require.Equal(t, 200, ready.status)
				require.Equal(t, map[string]any{"status": "ok"}, ready.object(t))
			} else {
				require.Equal(t, 503, ready.status)
				require.Equal(t, tc.missing, ready.object(t)["missing"])
				require.Equal(t, tc.missing[0], ready.object(t)["error_type"])
				require.Equal(t, false, ready.object(t)["success"])
			}
			require.Equal(t, map[string]any{"status": "ok"}, e.do("GET", "/healthz").object(t))
			require.Equal(t, 200, e.do("HEAD", "/healthz").status)
		})
	}
}

// The embedded document is the file: a change without `go generate` fails.
func TestEmbeddedDocumentIsFresh(t *testing.T) {
	t.Parallel()
	file, err := spec()
	require.NoError(t, err)
	embedded, err := apigen.GetSpec()
	require.NoError(t, err)
	want, err := file.MarshalJSON()
	require.NoError(t, err)
	got, err := embedded.MarshalJSON()
	require.NoError(t, err)
	require.JSONEq(t, string(want), string(got))
}

// Only POST writes.
func TestNoGetWithSideEffects(t *testing.T) {
	t.Parallel()
	doc, err := spec()
	require.NoError(t, err)
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			writes := strings.HasPrefix(operation.OperationID, "sync") ||
				strings.HasPrefix(operation.OperationID, "mark") || strings.HasPrefix(operation.OperationID, "cancel")
			require.Equal(t, writes, method == http.MethodPost, "%s %s", method, path)
		}
	}
}
