package workflows

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"tasksync/activities"
	"tasksync/task"
)

// close closes the record, also of a run that was canceled or is late. Again
// is true for a run that was reset after its record had been closed for
// lateness: the record is open again and the run goes on.
func (r *run) close(err error) (closed activities.Closed, again bool, closeErr error) {
	// A cancel that comes now must not leave the record open.
	ctx, _ := workflow.NewDisconnectedContext(r.ctx)
	s := step{name: "close", local: true, summary: "汇总并结束同步记录", last: true, endsWhenReopened: r.expired}
	in := r.closing(err)
	closed, closeErr = callWith(ctx, r, s, do.CloseRecord, func() activities.CloseInput {
		// Those of the closing itself are kept too.
		in.RetryCount, in.Attempts = r.retries, r.attempts
		return in
	})
	if errors.Is(closeErr, errReopened) {
		r.startDeadline(workflow.Now(ctx))
		return closed, true, nil
	}
	return closed, false, closeErr
}

// closing says how the run ended, by the error of its work.
func (r *run) closing(err error) activities.CloseInput {
	in := activities.CloseInput{
		RecordID: r.opened.RecordID, EndTime: workflow.Now(r.ctx),
		Token: fmt.Sprintf("%s/%d", workflow.GetInfo(r.ctx).WorkflowExecution.RunID, r.reopened),
	}
	if err == nil {
		in.Complete, in.Pages = r.drift == "", r.seq
		if r.drift != "" {
			in.Code, in.Message = task.CodeSourceDrift, r.drift
		}
		return in
	}
	f := r.failure(err)
	in.Status, in.Code, in.Message = task.Failed, f.code, f.message
	if f.code == task.CodeCanceled {
		in.Status = task.Canceled
	}
	return in
}

// failure is why the run could not go to its end.
func (r *run) failure(err error) *failure {
	var f *failure
	switch {
	case r.expired:
		return &failure{code: task.CodeDeadline, message: fmt.Sprintf("超过锁超时 %s，已停止；已提交的批次保留", r.in.LockTimeout)}
	case r.ctx.Err() != nil:
		return &failure{code: task.CodeCanceled, message: "已取消；已提交的批次保留"}
	case errors.As(err, &f):
		return f
	}
	return &failure{code: task.CodeInternal, message: "内部错误，请查看 worker 日志"}
}

// reopen lets a run that was reset go on with its own record, which had been
// closed; its soft deadline starts anew.
func (r *run) reopen(ctx workflow.Context) error {
	info := workflow.GetInfo(r.ctx)
	in := activities.ReopenInput{
		WorkflowID: info.WorkflowExecution.ID, FirstRunID: firstRunID(info), RunID: info.WorkflowExecution.RunID,
	}
	if _, err := call(ctx, r, reopenStep, do.ReopenRecord, in); err != nil {
		return err
	}
	r.reopened++
	r.deadline = workflow.Now(ctx).Add(r.in.LockTimeout)
	return nil
}

// end is what the execution ends with: the closed record of a run that went to
// its end, else an error that the Temporal Web UI shows as failed or canceled.
func (r *run) end(closed activities.Closed, f *failure) (SyncResult, error) {
	status := closed.Status
	if status == "" {
		status = task.Failed
	}
	if err := workflow.UpsertTypedSearchAttributes(r.ctx, AttributeStatus.ValueSet(string(status))); err != nil {
		return closed, err
	}
	switch {
	case f == nil:
		return closed, nil
	case f.code == task.CodeCanceled:
		return closed, temporal.NewCanceledError(closed)
	}
	return closed, temporal.NewApplicationErrorWithOptions(f.message, string(f.code), temporal.ApplicationErrorOptions{
		NonRetryable: true, Details: []any{closed},
	})
}
