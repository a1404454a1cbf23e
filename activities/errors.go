package activities

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"tasksync/task"
)

// permanent are the codes that a retry cannot mend.
var permanent = []task.Code{
	task.CodeInvalidArgument, task.CodeNotFound, task.CodeSourceAuth, task.CodeSourceContract, task.CodeRecordClosed,
}

// ErrorDetails travels with an activity's application error.
type ErrorDetails struct {
	// RetryAfter is how long the source asks us to wait; 0 if it did not say.
	RetryAfter time.Duration `json:"retry_after"`
	// Kept is how many pages a chunk kept before its fetching failed.
	Kept int `json:"kept,omitempty"`
}

// applicationError turns err into what Temporal keeps: the code as the error's
// type, the public message, and whether a retry makes sense. A cancel that was
// asked for stays what it is.
func applicationError(ctx context.Context, err error) error {
	return applicationErrorWith(ctx, err, ErrorDetails{})
}

func applicationErrorWith(ctx context.Context, err error, details ErrorDetails) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		if temporal.IsCanceledError(context.Cause(ctx)) {
			return temporal.NewCanceledError()
		}
		// Nobody asked for a cancel: the worker is being stopped.
		err = task.Errorf(task.CodeWorkerUnavailable, "worker 正在停止，由别的 worker 接着做")
	}
	code := task.CodeOf(err)
	var known *task.Error
	if errors.As(err, &known) {
		details.RetryAfter = known.RetryAfter
	}
	if code == task.CodeInternal {
		activity.GetLogger(ctx).Error("activity failed", "error", err)
	}
	return temporal.NewApplicationErrorWithOptions(task.MessageOf(err), string(code), temporal.ApplicationErrorOptions{
		NonRetryable: slices.Contains(permanent, code),
		Details:      []any{details},
	})
}
