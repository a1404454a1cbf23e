package workflows

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"tasksync/activities"
	"tasksync/task"
)

const (
	// firstWait is the guide's first wait; each further one doubles: 2, 4, 8 s.
	firstWait = 2 * time.Second
	// infrastructureWait and its maximum are the waits after losses of our own.
	infrastructureWait    = time.Second
	infrastructureMaxWait = 10 * time.Second
	// maxAttempts bounds what a run remembers; a long outage makes many.
	maxAttempts = 500
)

// failure is an attempt's error, told apart.
type failure struct {
	kind       task.AttemptKind
	code       task.Code
	message    string
	retryAfter time.Duration
	// kept is how many pages a chunk kept before its fetching failed.
	kept int
}

func (f *failure) Error() string { return fmt.Sprintf("%s: %s", f.code, f.message) }

// classify tells the source's passing failures, losses of our own, permanent
// failures and the rest apart.
func classify(err error) *failure {
	var timeout *temporal.TimeoutError
	if errors.As(err, &timeout) {
		return &failure{kind: task.AttemptInfrastructure, code: task.CodeWorkerUnavailable, message: "执行步骤的 worker 没有响应（" + timeout.TimeoutType().String() + "）"}
	}
	var app *temporal.ApplicationError
	stopped := errors.As(err, &app) && app.Message() == context.Canceled.Error()
	if stopped || temporal.IsCanceledError(err) {
		// The run was not canceled, or call would not ask: a worker that is being
		// stopped reports the end of its own context in the activity's place.
		return &failure{kind: task.AttemptInfrastructure, code: task.CodeWorkerUnavailable, message: "执行步骤的 worker 停止了"}
	}
	if app == nil {
		return &failure{kind: task.AttemptInternal, code: task.CodeInternal, message: "内部错误，请查看 worker 日志"}
	}
	f := &failure{kind: task.AttemptInternal, code: task.Code(app.Type()), message: app.Message()}
	var details activities.ErrorDetails
	if app.HasDetails() && app.Details(&details) == nil {
		f.retryAfter, f.kept = details.RetryAfter, details.Kept
	}
	switch f.code {
	case task.CodeSourceUnavailable:
		f.kind = task.AttemptSource
	case task.CodeDatabaseUnavailable, task.CodeTemporalUnavailable, task.CodeWorkerUnavailable:
		f.kind = task.AttemptInfrastructure
	case task.CodeInternal:
	default:
		if app.NonRetryable() {
			f.kind = task.AttemptPermanent
		} else {
			f.code = task.CodeInternal
		}
	}
	return f
}

// step is how one activity is called.
type step struct {
	name  string
	local bool
	// summary is the step's line in the Temporal Web UI.
	summary string
	// last is the closing of the record: it is tried again also past the deadline.
	last bool
	// endsWhenReopened makes call answer errReopened instead of trying again
	// after the record was reopened.
	endsWhenReopened bool
}

var reopenStep = step{name: "reopen", summary: "重新打开同步记录"}

// errReopened says that a step was refused and the record is open again.
var errReopened = errors.New("the record is open again")

func (s step) execute(ctx workflow.Context, activity, in any) workflow.Future {
	if s.local {
		return workflow.ExecuteLocalActivity(workflow.WithLocalActivityOptions(ctx, localOptions(s.summary)), activity, in)
	}
	return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, chunkOptions(s.summary)), activity, in)
}

// call runs an activity until it succeeds or may not be tried again. The
// source's passing failures are tried again at most MaxRetries times after 2,
// 4, 8 s (or what Retry-After asks, within the deadline), each page of a chunk
// anew: whoever comes further is not stuck. Losses of our own are tried again
// without a limit until ctx ends, permanent failures never. A step that is
// refused because the record is closed reopens it first: that is a run that was
// reset. It answers a *failure, or ctx's own error.
func call[In, Out any](ctx workflow.Context, r *run, s step, activity func(context.Context, In) (Out, error), in In) (Out, error) {
	return callWith(ctx, r, s, activity, func() In { return in })
}

// callWith is call with an input that is made anew for each attempt.
func callWith[In, Out any](ctx workflow.Context, r *run, s step, activity func(context.Context, In) (Out, error), in func() In) (Out, error) {
	counted, lost, kept := 0, 0, 0
	for attempt := 1; ; attempt++ {
		var out Out
		err := s.execute(ctx, activity, in()).Get(ctx, &out)
		if err == nil {
			return out, nil
		}
		if ctx.Err() != nil {
			return out, ctx.Err()
		}
		f := classify(err)
		if f.code == task.CodeRecordClosed && s != reopenStep {
			if err := r.reopen(ctx); err != nil {
				return out, err
			}
			if s.endsWhenReopened {
				return out, errReopened
			}
			attempt--
			continue
		}
		if f.kept > kept {
			kept, counted = f.kept, 0
		}
		wait := r.wait(ctx, s, f, counted, lost)
		r.note(ctx, s, f, attempt, wait)
		if wait == 0 {
			return out, f
		}
		if f.kind == task.AttemptInfrastructure {
			lost++
		} else {
			counted++
			r.retries = max(r.retries, counted)
		}
		if err := workflow.NewTimerWithOptions(ctx, wait, workflow.TimerOptions{Summary: "等待后重试：" + shorten(f.message)}).Get(ctx, nil); err != nil {
			return out, err
		}
	}
}

// shorten keeps a message within what Temporal takes for a summary.
func shorten(message string) string {
	const most = 100
	if runes := []rune(message); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return message
}

// wait is how long to wait before the next attempt, 0 for none. Where only the
// deadline forbids it, f's message says so.
func (r *run) wait(ctx workflow.Context, s step, f *failure, counted, lost int) time.Duration {
	switch {
	case f.kind == task.AttemptPermanent:
		return 0
	case f.kind == task.AttemptInfrastructure:
		return min(infrastructureWait<<min(lost, 10), infrastructureMaxWait)
	case counted >= r.opened.MaxRetries:
		return 0
	}
	wait := max(firstWait<<counted, f.retryAfter)
	if !s.last && workflow.Now(ctx).Add(wait).After(r.deadline) {
		asks := "重试要等"
		if wait == f.retryAfter {
			asks = "冠客要求等"
		}
		f.message += fmt.Sprintf("；%s %s，超出锁超时 %s 所剩的时间，不再重试", asks, wait, r.in.LockTimeout)
		return 0
	}
	return wait
}

// note keeps a failed attempt at once; closing keeps it again.
func (r *run) note(ctx workflow.Context, s step, f *failure, attempt int, wait time.Duration) {
	a := task.Attempt{
		RunID: workflow.GetInfo(ctx).WorkflowExecution.RunID, Step: s.name, Attempt: attempt, Kind: f.kind, Code: f.code, Error: f.message, At: workflow.Now(ctx), Wait: wait,
		Outcome: task.OutcomeRetried,
	}
	if wait == 0 {
		a.Outcome = task.OutcomeGaveUp
	}
	if len(r.attempts) >= maxAttempts {
		return
	}
	r.attempts = append(slices.Clip(r.attempts), a)
	if r.opened.RecordID == 0 {
		return
	}
	in := activities.AttemptInput{RecordID: r.opened.RecordID, Attempt: a}
	if err := workflow.ExecuteLocalActivity(workflow.WithLocalActivityOptions(ctx, noteOptions()), do.SaveAttempt, in).Get(ctx, nil); err != nil {
		workflow.GetLogger(ctx).Warn("attempt is kept when the record closes", "step", s.name, "attempt", attempt, "error", err)
	}
}
