package api_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tasksync/api"
	"tasksync/task"
)

// started makes every start succeed as record 7.
func (e *env) started() {
	e.runs.start = func(context.Context, task.StartRequest) (task.Started, error) {
		return task.Started{RecordID: 7, RunID: "run"}, nil
	}
}

// closed makes every run end at once with this record.
func (e *env) closed(record task.Record, err error) {
	e.started()
	e.runs.wait = func(context.Context, task.SyncType, string) error { return nil }
	e.records.record = func(context.Context, int64) (task.Record, error) { return record, err }
}

var running = map[string]any{"success": true, "record_id": 7.0, "status": "running"}

func TestManualDoesNotWait(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.started()
	for _, syncType := range task.SyncTypes {
		got := e.do("POST", "/api/sync/"+string(syncType)+"/manual?wait=false")
		require.Equal(t, 202, got.status)
		require.Equal(t, running, got.object(t))
	}
}

// ended waits for the end of ctx, which has to be for this reason.
func ended(ctx context.Context, reason error) error {
	<-ctx.Done()
	if !errors.Is(ctx.Err(), reason) {
		panic(ctx.Err())
	}
	return ctx.Err()
}

func TestManualIsStillRunning(t *testing.T) {
	t.Parallel()
	stopping := make(chan struct{})
	close(stopping)
	for name, tc := range map[string]struct {
		change func(*api.Config)
		wait   func(context.Context) error
		logged string
	}{
		"the wait is over": {
			change: func(cfg *api.Config) { cfg.ManualWait = time.Millisecond },
			wait:   func(ctx context.Context) error { return ended(ctx, context.DeadlineExceeded) },
		},
		"the process stops": {
			change: func(cfg *api.Config) { cfg.Stopping = stopping },
			wait:   func(ctx context.Context) error { return ended(ctx, context.Canceled) },
		},
		"Temporal is lost meanwhile": {
			change: func(*api.Config) {},
			wait: func(context.Context) error {
				return task.Errorf(task.CodeTemporalUnavailable, "Temporal 不可用")
			},
			logged: "cannot wait for a run",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := setup(t, tc.change)
			e.started()
			e.runs.wait = func(ctx context.Context, _ task.SyncType, _ string) error { return tc.wait(ctx) }
			got := e.do("POST", "/api/sync/today/manual?wait=true")
			require.Equal(t, 202, got.status)
			require.Equal(t, running, got.object(t))
			require.Contains(t, e.log.String(), tc.logged)
		})
	}
}

func TestManualOutlivesItsCaller(t *testing.T) {
	t.Parallel()
	e := setup(t)
	waiting, gone := make(chan struct{}), make(chan struct{})
	waited := make(chan error, 1)
	e.started()
	e.runs.wait = func(ctx context.Context, _ task.SyncType, _ string) error {
		close(waiting)
		<-gone
		waited <- ctx.Err()
		return ctx.Err()
	}
	e.records.record = func(context.Context, int64) (task.Record, error) { return guideRecord(t), nil }
	// gone is closed when the server has seen that the caller is gone.
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		context.AfterFunc(r.Context(), func() { close(gone) })
		e.server.Config.Handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	ctx, leave := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+"/api/sync/today/manual", nil)
	require.NoError(t, err)
	go func() {
		<-waiting
		leave()
	}()
	response, err := server.Client().Do(request)
	if err == nil {
		require.NoError(t, response.Body.Close())
	}
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, <-waited)
}

func TestManualRunEnds(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status    task.Status
		errorType task.Code
		message   string
		want      int
		wantType  task.Code
		wantText  string
	}{
		"source away":     {task.Failed, task.CodeSourceUnavailable, "冠客接口暂时不可用", 502, task.CodeSourceUnavailable, "冠客接口暂时不可用"},
		"wrong secret":    {task.Failed, task.CodeSourceAuth, "冠客拒绝了凭据", 502, task.CodeSourceAuth, "冠客拒绝了凭据"},
		"contract":        {task.Failed, task.CodeSourceContract, "冠客的应答不符合约定", 502, task.CodeSourceContract, "冠客的应答不符合约定"},
		"deadline":        {task.Failed, task.CodeDeadline, "超过 30 分钟", 500, task.CodeDeadline, "超过 30 分钟"},
		"terminated":      {task.Failed, task.CodeTerminated, "被终止", 500, task.CodeTerminated, "被终止"},
		"database was":    {task.Failed, task.CodeDatabaseUnavailable, "数据库不可用", 500, task.CodeDatabaseUnavailable, "数据库不可用"},
		"nothing said":    {task.Failed, "", "", 500, task.CodeInternal, "同步失败，请查看日志"},
		"canceled":        {task.Canceled, "", "", 409, task.CodeCanceled, "同步已取消"},
		"canceled by one": {task.Canceled, task.CodeCanceled, "由 api 取消", 409, task.CodeCanceled, "由 api 取消"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := setup(t)
			record := guideRecord(t)
			record.ID, record.Status, record.ErrorType, record.ErrorMessage = 7, tc.status, tc.errorType, tc.message
			e.closed(record, nil)
			got := e.do("POST", "/api/sync/historical/manual")
			require.Equal(t, tc.wantText, got.refused(t, tc.want, tc.wantType))
			require.InDelta(t, 7, got.object(t)["record_id"], 0)
			require.Equal(t, guide(t, "historical")["summary"], got.object(t)["summary"])
			require.Empty(t, e.log.String())
		})
	}
}

func TestManualPartialIsAnAnswer(t *testing.T) {
	t.Parallel()
	e := setup(t)
	record := guideRecord(t)
	record.Status, record.Counts.Failed, record.Counts.Matched = task.Partial, 2, 78
	e.closed(record, nil)
	got := e.do("POST", "/api/sync/historical/manual")
	require.Equal(t, 200, got.status)
	require.InDelta(t, 2, got.object(t)["summary"].(map[string]any)["failed"], 0)
}

func TestManualOutcomeIsUnknown(t *testing.T) {
	t.Parallel()
	open := guideRecord(t)
	open.Status, open.EndTime = task.Running, nil
	for name, tc := range map[string]struct {
		record task.Record
		err    error
		status int
		code   task.Code
	}{
		"closed without its record": {open, nil, 500, task.CodeTerminated},
		"closed before its record":  {task.Record{}, task.Errorf(task.CodeNotFound, "没有"), 500, task.CodeTerminated},
		"database away":             {task.Record{}, task.Errorf(task.CodeDatabaseUnavailable, "数据库不可用"), 503, task.CodeDatabaseUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := setup(t)
			e.closed(tc.record, tc.err)
			got := e.do("POST", "/api/sync/today/manual")
			got.refused(t, tc.status, tc.code)
			require.InDelta(t, 7, got.object(t)["record_id"], 0)
			require.NotContains(t, got.object(t), "summary")
		})
	}
}

func TestManualIsNotStarted(t *testing.T) {
	t.Parallel()
	for code, status := range map[task.Code]int{
		task.CodeLockConflict:        409,
		task.CodeWorkerUnavailable:   503,
		task.CodeDatabaseUnavailable: 503,
		task.CodeTemporalUnavailable: 503,
	} {
		t.Run(string(code), func(t *testing.T) {
			t.Parallel()
			e := setup(t)
			e.runs.start = func(context.Context, task.StartRequest) (task.Started, error) {
				return task.Started{}, task.Wrap(code, errors.New("secret cause"), "原因")
			}
			got := e.do("POST", "/api/sync/today/manual")
			require.Equal(t, "原因", got.refused(t, status, code))
			require.NotContains(t, got.object(t), "record_id")
		})
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	e := setup(t)
	e.runs.cancel = func(_ context.Context, syncType task.SyncType, actor string) error {
		require.Equal(t, "api", actor)
		if syncType == task.Today {
			return task.Errorf(task.CodeNotFound, "没有正在进行的今日数据同步")
		}
		return nil
	}
	got := e.do("POST", "/api/sync/historical/cancel")
	require.Equal(t, 200, got.status)
	require.Equal(t, map[string]any{"success": true, "message": "已请求取消同步"}, got.object(t))
	require.Equal(t, "没有正在进行的今日数据同步",
		e.do("POST", "/api/sync/today/cancel").refused(t, 404, task.CodeNotFound))
	require.Equal(t, "参数 type 不合法：只能是 historical 或 today",
		e.do("POST", "/api/sync/weekly/cancel").refused(t, 400, task.CodeInvalidArgument))
}
