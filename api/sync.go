package api

import (
	"context"
	"time"

	"github.com/gin-gonic/gin"

	"tasksync/api/apigen"
	"tasksync/task"
)

const (
	// startTimeout bounds the start of a run, the check for a worker included.
	startTimeout = 15 * time.Second
	// outcomeTimeout bounds the reading of a finished run's record.
	outcomeTimeout = 10 * time.Second
)

// requestContext is the request's own context: what the strict handler passes
// is a gin.Context, which knows nothing of the request's end and is used again
// for other requests.
func requestContext(ctx context.Context) context.Context {
	if c, ok := ctx.(*gin.Context); ok {
		return c.Request.Context()
	}
	return ctx
}

// SyncHistorical answers POST /api/sync/historical/manual.
func (s *server) SyncHistorical(ctx context.Context, request apigen.SyncHistoricalRequestObject) (apigen.SyncHistoricalResponseObject, error) {
	id, summary, err := s.manual(requestContext(ctx), task.Historical, request.Params.Wait)
	switch {
	case err != nil:
		return nil, err
	case summary == nil:
		return apigen.SyncHistorical202JSONResponse{AcceptedJSONResponse: accepted(id)}, nil
	}
	return apigen.SyncHistorical200JSONResponse{Success: true, RecordID: id, Summary: *summary}, nil
}

// SyncToday answers POST /api/sync/today/manual.
func (s *server) SyncToday(ctx context.Context, request apigen.SyncTodayRequestObject) (apigen.SyncTodayResponseObject, error) {
	id, summary, err := s.manual(requestContext(ctx), task.Today, request.Params.Wait)
	switch {
	case err != nil:
		return nil, err
	case summary == nil:
		return apigen.SyncToday202JSONResponse{AcceptedJSONResponse: accepted(id)}, nil
	}
	return apigen.SyncToday200JSONResponse{Success: true, RecordID: id, Summary: *summary}, nil
}

func accepted(id int64) apigen.AcceptedJSONResponse {
	return apigen.AcceptedJSONResponse{Success: true, RecordID: id, Status: apigen.Running}
}

// manual starts a run and waits for it unless wait is false. The summary is
// nil while the run goes on. The caller may go away: neither the start nor the
// run takes notice.
func (s *server) manual(ctx context.Context, syncType task.SyncType, wait *bool) (int64, *apigen.Summary, error) {
	ctx = context.WithoutCancel(ctx)
	started, err := s.start(ctx, syncType)
	if err != nil {
		return 0, nil, err
	}
	if wait != nil && !*wait || !s.wait(ctx, syncType, started) {
		return started.RecordID, nil, nil
	}
	summary, err := s.outcome(ctx, started.RecordID)
	return started.RecordID, summary, err
}

func (s *server) start(ctx context.Context, syncType task.SyncType) (task.Started, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	started, err := s.runs.Start(ctx, task.StartRequest{
		Type: syncType, Trigger: task.Manual, LockedBy: s.cfg.LockedBy, Actor: actor,
	})
	if err != nil && ctx.Err() != nil && task.CodeOf(err) == task.CodeInternal {
		return task.Started{}, task.Wrap(task.CodeTemporalUnavailable, err, "启动同步超时，可能已启动也可能没有；请先查看同步状态再重试")
	}
	return started, err
}

// wait reports whether the run has closed within ManualWait. If that cannot be
// found out, the answer is no: the run was started, and its record will tell.
func (s *server) wait(ctx context.Context, syncType task.SyncType, started task.Started) bool {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.ManualWait)
	defer cancel()
	go func() {
		select {
		case <-s.cfg.Stopping:
			cancel()
		case <-ctx.Done():
		}
	}()
	err := s.runs.Wait(ctx, syncType, started.RunID)
	if err != nil && ctx.Err() == nil {
		s.log.WarnContext(ctx, "cannot wait for a run", "record_id", started.RecordID, "sync_type", syncType, "error", err)
	}
	return err == nil
}

// outcome reads the record of a run that has closed. It returns a runError if
// the run came to a bad end, or if that cannot be read.
func (s *server) outcome(ctx context.Context, id int64) (*apigen.Summary, error) {
	ctx, cancel := context.WithTimeout(ctx, outcomeTimeout)
	defer cancel()
	record, err := s.records.Record(ctx, id)
	if err != nil && task.CodeOf(err) != task.CodeNotFound {
		return nil, &runError{recordID: id, err: err}
	}
	if err != nil {
		return nil, &runError{recordID: id, err: task.Wrap(task.CodeTerminated, err,
			"同步没有建立记录就结束了，请在 Temporal Web UI 查看 sync 工作流的原因后重试")}
	}
	if record.Status == task.Running {
		// Terminated or timed out from outside: no code of the run could close
		// its record, housekeeping will.
		return nil, &runError{recordID: id, err: task.Errorf(task.CodeTerminated,
			"同步被中途终止，记录稍后由定期清理登记结果，请稍后查看记录 %d", id)}
	}
	summary := summaryOf(record)
	switch record.Status {
	case task.Canceled:
		return nil, &runError{id, &summary, task.Errorf(task.CodeCanceled, "%s", orElse(record.ErrorMessage, "同步已取消"))}
	case task.Failed:
		code := task.Code(orElse(string(record.ErrorType), string(task.CodeInternal)))
		return nil, &runError{id, &summary, task.Errorf(code, "%s", orElse(record.ErrorMessage, "同步失败，请查看日志"))}
	}
	return &summary, nil
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func summaryOf(r task.Record) apigen.Summary {
	return apigen.Summary{
		Total:    r.Counts.Total,
		New:      r.Counts.New,
		Updated:  r.Counts.Updated,
		Matched:  r.Counts.Matched,
		Pending:  r.Counts.Pending,
		Failed:   r.Counts.Failed,
		Duration: r.Duration(),
	}
}

// CancelSync answers POST /api/sync/{type}/cancel.
func (s *server) CancelSync(ctx context.Context, request apigen.CancelSyncRequestObject) (apigen.CancelSyncResponseObject, error) {
	if err := s.runs.Cancel(requestContext(ctx), task.SyncType(request.Type), actor); err != nil {
		return nil, err
	}
	return apigen.CancelSync200JSONResponse{Success: true, Message: "已请求取消同步"}, nil
}
