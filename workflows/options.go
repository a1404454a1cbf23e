package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"tasksync/task"
)

// All lists the workflows that a worker registers.
func All() []any { return []any{SyncWorkflow, ScheduledSync, Housekeeping, Cleaning} }

// TaskQueue is where workers poll.
const TaskQueue = "tasksync"

// MemoLockedBy is the memo key that says who holds a run's lock.
const MemoLockedBy = "locked_by"

// The search attributes of runs, registered by the worker before it polls.
var (
	AttributeType     = temporal.NewSearchAttributeKeyKeyword("SyncType")
	AttributeTrigger  = temporal.NewSearchAttributeKeyKeyword("SyncTrigger")
	AttributeStatus   = temporal.NewSearchAttributeKeyKeyword("SyncStatus")
	AttributeRecordID = temporal.NewSearchAttributeKeyInt64("SyncRecordId")
)

// StatusSkipped is the SyncStatus of a scheduled slot that found the lock taken.
const StatusSkipped = "skipped"

// attributeScheduled is Temporal's own: the nominal time of a schedule's action.
var attributeScheduled = temporal.NewSearchAttributeKeyTime("TemporalScheduledStartTime")

// hardTimeoutMargin is how much later than the soft deadline Temporal itself
// ends a run, so that the run can close its record before.
const hardTimeoutMargin = 5 * time.Minute

// SyncWorkflowID is the fixed ID of a type's runs: the lock.
func SyncWorkflowID(t task.SyncType) string { return "sync-" + string(t) }

// ExecutionTimeout is the hard limit behind a run's soft deadline.
func ExecutionTimeout(lockTimeout time.Duration) time.Duration {
	return lockTimeout + hardTimeoutMargin
}

// Summary is a run's line in the Temporal Web UI.
func Summary(t task.SyncType, trigger task.Trigger) string {
	return fmt.Sprintf("%s同步（%s）", t.Label(), trigger.Label())
}

// StartAttributes are the search attributes that a run starts with.
func StartAttributes(t task.SyncType, trigger task.Trigger) temporal.SearchAttributes {
	return temporal.NewSearchAttributes(
		AttributeType.ValueSet(string(t)), AttributeTrigger.ValueSet(string(trigger)), AttributeStatus.ValueSet(string(task.Running)))
}

const (
	// heartbeatTimeout is how long a killed worker's chunk waits for another.
	heartbeatTimeout = 5 * time.Second
	// chunkTimeout bounds one attempt of a chunk.
	chunkTimeout = 10 * time.Minute
	localTimeout = 30 * time.Second
)

// once leaves retries to call, so that every attempt stands in the history.
var once = &temporal.RetryPolicy{MaximumAttempts: 1}

func chunkOptions(summary string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		StartToCloseTimeout: chunkTimeout,
		HeartbeatTimeout:    heartbeatTimeout,
		WaitForCancellation: true,
		RetryPolicy:         once,
		Summary:             summary,
	}
}

func localOptions(summary string) workflow.LocalActivityOptions {
	return workflow.LocalActivityOptions{StartToCloseTimeout: localTimeout, RetryPolicy: once, Summary: summary}
}

// noteOptions are for what a run says on the way: it does not wait long for it.
func noteOptions() workflow.LocalActivityOptions {
	return workflow.LocalActivityOptions{
		StartToCloseTimeout: 2 * time.Second, ScheduleToCloseTimeout: 2 * time.Second, RetryPolicy: once, Summary: "记录重试",
	}
}

func upkeepOptions(summary string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		StartToCloseTimeout: 10 * time.Minute,
		HeartbeatTimeout:    time.Minute,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: 10 * time.Second, MaximumAttempts: 5},
		Summary:             summary,
	}
}
