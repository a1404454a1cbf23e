package workflows

import (
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"tasksync/task"
)

// ActorScheduler is who starts scheduled runs.
const ActorScheduler = "scheduler"

// ScheduledInput says which run a schedule starts.
type ScheduledInput struct {
	Type        task.SyncType `json:"type"`
	LockTimeout time.Duration `json:"lock_timeout"`
}

// ScheduledResult says what became of a schedule's slot.
type ScheduledResult struct {
	// Skipped is true where the lock was taken; then there is no record.
	Skipped  bool   `json:"skipped"`
	Reason   string `json:"reason,omitempty"`
	RecordID int64  `json:"record_id,omitempty"`
	// Status is the run's status.
	Status task.Status `json:"status,omitempty"`
}

// ScheduledSync is one slot of a schedule. Temporal appends a time to the IDs
// of a schedule's workflows, so the slot starts SyncWorkflow as a child under
// the fixed ID, which is the lock, and waits for it. The run goes on if the
// slot is terminated. Its window comes from the scheduled time, so that a late
// slot covers what it should have covered.
func ScheduledSync(ctx workflow.Context, in ScheduledInput) (ScheduledResult, error) {
	at := workflow.Now(ctx)
	if scheduled, ok := workflow.GetTypedSearchAttributes(ctx).GetTime(attributeScheduled); ok {
		at = scheduled
	}
	child := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, childOptions(in)), SyncWorkflow, SyncInput{
		Type: in.Type, Trigger: task.Auto, Actor: ActorScheduler, At: at, LockTimeout: in.LockTimeout,
	})
	var closed SyncResult
	err := child.Get(ctx, &closed)
	if temporal.IsWorkflowExecutionAlreadyStartedError(err) {
		return skip(ctx, in.Type)
	}
	if err != nil {
		status := task.Failed
		if temporal.IsCanceledError(err) {
			status = task.Canceled
		}
		if err := workflow.UpsertTypedSearchAttributes(ctx, AttributeStatus.ValueSet(string(status))); err != nil {
			return ScheduledResult{}, err
		}
		return ScheduledResult{}, err
	}
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("同步记录 %d：%s", closed.RecordID, closed.Status.Label()))
	out := ScheduledResult{RecordID: closed.RecordID, Status: closed.Status}
	return out, workflow.UpsertTypedSearchAttributes(ctx, AttributeStatus.ValueSet(string(closed.Status)), AttributeRecordID.ValueSet(closed.RecordID))
}

func skip(ctx workflow.Context, t task.SyncType) (ScheduledResult, error) {
	reason := fmt.Sprintf("已跳过：%s同步正在进行中（锁 %s 已被占用）", t.Label(), SyncWorkflowID(t))
	workflow.SetCurrentDetails(ctx, reason)
	return ScheduledResult{Skipped: true, Reason: reason}, workflow.UpsertTypedSearchAttributes(ctx, AttributeStatus.ValueSet(StatusSkipped))
}

func childOptions(in ScheduledInput) workflow.ChildWorkflowOptions {
	return workflow.ChildWorkflowOptions{
		WorkflowID:               SyncWorkflowID(in.Type),
		TaskQueue:                TaskQueue,
		WorkflowExecutionTimeout: ExecutionTimeout(in.LockTimeout),
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		ParentClosePolicy:        enumspb.PARENT_CLOSE_POLICY_ABANDON,
		WaitForCancellation:      true,
		TypedSearchAttributes:    StartAttributes(in.Type, task.Auto),
		StaticSummary:            Summary(in.Type, task.Auto),
		StaticDetails:            "由定时任务启动",
	}
}
