// Package runs starts, watches and cancels runs through Temporal, and turns
// Temporal's errors into task.Error. Nothing else outside the worker speaks to
// Temporal about runs.
package runs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"tasksync/task"
	"tasksync/workflows"
)

const (
	// pollerFresh is how long after its last poll a worker counts as there: a
	// poll takes up to 60 s.
	pollerFresh = 70 * time.Second
	// askTimeout bounds a question to Temporal.
	askTimeout = 5 * time.Second
)

// RecordIDs hands out ids of records.
type RecordIDs interface {
	NextRecordID(ctx context.Context) (int64, error)
	SkipRecordIDs(ctx context.Context, above int64) error
}

// Config holds the settings of runs that a starter must know.
type Config struct {
	// LockTimeout is the soft deadline of a run.
	LockTimeout time.Duration
	// Zone is the business zone, in which people read times.
	Zone *time.Location
	// TaskQueue is where the workers poll; "" means workflows.TaskQueue.
	TaskQueue string
	// Log is told who started and canceled what; nil means slog.Default.
	Log *slog.Logger
}

// Runs speaks to Temporal. It is safe for concurrent use.
type Runs struct {
	temporal client.Client
	ids      RecordIDs
	cfg      Config
	log      *slog.Logger
}

// New makes Runs.
func New(c client.Client, ids RecordIDs, cfg Config) *Runs {
	if cfg.TaskQueue == "" {
		cfg.TaskQueue = workflows.TaskQueue
	}
	log := cfg.Log
	if log == nil {
		log = slog.Default()
	}
	return &Runs{temporal: c, ids: ids, cfg: cfg, log: log}
}

// Start starts a run under its type's fixed ID. It does not wait for the run.
// It fails with task.CodeLockConflict if the type runs already,
// task.CodeWorkerUnavailable if no worker polls, task.CodeDatabaseUnavailable or
// task.CodeTemporalUnavailable; then nothing was started, unless the message
// says that Temporal did not answer in time.
func (r *Runs) Start(ctx context.Context, req task.StartRequest) (task.Started, error) {
	var none task.Started
	if err := r.requireWorker(ctx); err != nil {
		return none, err
	}
	// Asking first spares the sequence a gap for each refused call; the start
	// itself decides.
	if lock, err := r.lock(ctx, req.Type); err != nil {
		return none, err
	} else if lock != nil {
		return none, r.conflict(*lock)
	}
	recordID, err := r.NextRecordID(ctx)
	if err != nil {
		return none, err
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	run, err := r.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                                       workflows.SyncWorkflowID(req.Type),
		TaskQueue:                                r.cfg.TaskQueue,
		WorkflowExecutionTimeout:                 workflows.ExecutionTimeout(r.cfg.LockTimeout),
		WorkflowIDConflictPolicy:                 enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		Memo:                                     map[string]any{workflows.MemoLockedBy: req.LockedBy},
		TypedSearchAttributes:                    workflows.StartAttributes(req.Type, req.Trigger),
		StaticSummary:                            workflows.Summary(req.Type, req.Trigger),
		StaticDetails:                            fmt.Sprintf("由 %s 启动，锁定者 %s", req.Actor, req.LockedBy),
	}, workflows.SyncWorkflow, workflows.SyncInput{
		Type: req.Type, Trigger: req.Trigger, RecordID: recordID, LockedBy: req.LockedBy, Actor: req.Actor, LockTimeout: r.cfg.LockTimeout,
	})
	var taken *serviceerror.WorkflowExecutionAlreadyStarted
	if errors.As(err, &taken) {
		return none, r.taken(ctx, req.Type, taken.RunId)
	}
	var late *serviceerror.DeadlineExceeded
	if errors.As(err, &late) || errors.Is(err, context.DeadlineExceeded) {
		return none, task.Wrap(task.CodeTemporalUnavailable, err, "Temporal 没有及时回答，同步可能已启动也可能没有；请先查看同步状态再重试")
	}
	if err != nil {
		return none, translate(ctx, err)
	}
	r.log.Info("started a run", "sync_type", req.Type, "record", recordID, "actor", req.Actor, "locked_by", req.LockedBy)
	return task.Started{RecordID: recordID, RunID: run.GetRunID()}, nil
}

// taken is the refusal of a start that came second, with the lock's holder as
// it was, also if it has let go since.
func (r *Runs) taken(ctx context.Context, t task.SyncType, runID string) error {
	lock, err := r.describe(ctx, t, runID)
	if err != nil {
		return err
	}
	return r.conflict(*lock)
}

func (r *Runs) conflict(lock task.Lock) error {
	return task.Errorf(task.CodeLockConflict, "同步任务正在进行中，请稍后再试\n锁定者：%s\n锁定时间：%s",
		lock.By, lock.At.In(r.cfg.Zone).Format(time.DateTime))
}

// Wait returns nil when a run of type t has closed, whatever its outcome, and
// ctx's error if that ends first. With runID "" it is the current or last run.
func (r *Runs) Wait(ctx context.Context, t task.SyncType, runID string) error {
	err := r.temporal.GetWorkflow(ctx, workflows.SyncWorkflowID(t), runID).Get(ctx, nil)
	var ended *temporal.WorkflowExecutionError
	switch {
	case err == nil || errors.As(err, &ended):
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return translate(ctx, err)
}

// Cancel asks the run of type t to end on behalf of actor; what it committed
// stays. It fails with task.CodeNotFound if none is running.
func (r *Runs) Cancel(ctx context.Context, t task.SyncType, actor string) error {
	lock, err := r.lock(ctx, t)
	if err != nil {
		return err
	}
	if lock == nil {
		return task.Errorf(task.CodeNotFound, "%s同步没有在进行，无需取消", t.Label())
	}
	r.log.Info("cancel a run", "sync_type", t, "actor", actor, "locked_by", lock.By)
	return translate(ctx, r.temporal.CancelWorkflowWithOptions(ctx, client.CancelWorkflowOptions{
		WorkflowID: workflows.SyncWorkflowID(t), Reason: "由 " + actor + " 取消",
	}))
}

// Locks are the locks that running executions hold, by type.
func (r *Runs) Locks(ctx context.Context) (map[task.SyncType]task.Lock, error) {
	locks := make(map[task.SyncType]task.Lock)
	for _, t := range task.SyncTypes {
		lock, err := r.lock(ctx, t)
		if err != nil {
			return nil, err
		}
		if lock != nil {
			locks[t] = *lock
		}
	}
	return locks, nil
}

// Ready fails if Temporal is away or no worker polls.
func (r *Runs) Ready(ctx context.Context) error { return r.requireWorker(ctx) }

func (r *Runs) requireWorker(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	queue, err := r.temporal.DescribeTaskQueue(ctx, r.cfg.TaskQueue, enumspb.TASK_QUEUE_TYPE_WORKFLOW)
	if err != nil {
		return translate(ctx, err)
	}
	for _, p := range queue.GetPollers() {
		if time.Since(p.GetLastAccessTime().AsTime()) < pollerFresh {
			return nil
		}
	}
	return task.Errorf(task.CodeWorkerUnavailable, "没有 worker 在运行，未启动同步；请先启动 tasksync worker")
}

// lock is the lock that a running execution of type t holds, nil if none runs.
func (r *Runs) lock(ctx context.Context, t task.SyncType) (*task.Lock, error) {
	lock, err := r.describe(ctx, t, "")
	if task.CodeOf(err) == task.CodeNotFound {
		return nil, nil
	}
	return lock, err
}

// describe is the lock of an execution; with runID "" only of a running one,
// else task.CodeNotFound.
func (r *Runs) describe(ctx context.Context, t task.SyncType, runID string) (*task.Lock, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	desc, err := r.temporal.DescribeWorkflowExecution(ctx, workflows.SyncWorkflowID(t), runID)
	if err != nil {
		return nil, translate(ctx, err)
	}
	info := desc.GetWorkflowExecutionInfo()
	if runID == "" && info.GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return nil, task.Errorf(task.CodeNotFound, "%s同步没有在进行", t.Label())
	}
	return &task.Lock{
		Type: t, By: holder(desc), At: info.GetStartTime().AsTime(), RecordID: recordID(desc),
	}, nil
}

// holder is the memo's locked_by. A scheduled run has it once its record is
// open; until then the lock belongs to the schedule.
func holder(desc *workflowservice.DescribeWorkflowExecutionResponse) string {
	var by string
	if payload := desc.GetWorkflowExecutionInfo().GetMemo().GetFields()[workflows.MemoLockedBy]; payload != nil {
		if decode(payload, &by) {
			return by
		}
	}
	return workflows.ActorScheduler
}

func recordID(desc *workflowservice.DescribeWorkflowExecutionResponse) (id int64) {
	fields := desc.GetWorkflowExecutionInfo().GetSearchAttributes().GetIndexedFields()
	if payload := fields[workflows.AttributeRecordID.GetName()]; payload != nil && decode(payload, &id) {
		return id
	}
	return 0
}
