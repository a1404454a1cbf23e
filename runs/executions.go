package runs

import (
	"context"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"

	"tasksync/task"
)

// maxResets bounds how many resets of one run are followed.
const maxResets = 100

// Current is the current execution of a workflow ID; task.CodeNotFound if
// Temporal knows none.
func (r *Runs) Current(ctx context.Context, workflowID string) (task.Execution, error) {
	desc, err := r.temporal.DescribeWorkflowExecution(ctx, workflowID, "")
	if err != nil {
		return task.Execution{}, translate(ctx, err)
	}
	info := desc.GetWorkflowExecutionInfo()
	return task.Execution{
		RunID:       info.GetExecution().GetRunId(),
		FirstRunID:  info.GetFirstRunId(),
		Open:        info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING,
		TaskAttempt: int(desc.GetPendingWorkflowTask().GetAttempt()),
	}, nil
}

// Ending is how the execution with the given first run id ended, resets
// followed, for a record that it left running.
func (r *Runs) Ending(ctx context.Context, workflowID, firstRunID string) (task.Ending, error) {
	desc, err := r.last(ctx, workflowID, firstRunID)
	if task.CodeOf(err) == task.CodeNotFound {
		return task.Ending{
			Status: task.Failed, Code: task.CodeTerminated, At: time.Now(),
			Message: "Temporal 中已没有这次运行（历史被清除或数据丢失）；已提交的批次保留",
		}, nil
	}
	if err != nil {
		return task.Ending{}, err
	}
	info := desc.GetWorkflowExecutionInfo()
	ending := task.Ending{Status: task.Failed, Code: task.CodeTerminated, At: info.GetCloseTime().AsTime()}
	switch info.GetStatus() {
	case enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED:
		event, err := r.closeEvent(ctx, workflowID, info.GetExecution().GetRunId())
		if err != nil {
			return ending, err
		}
		why := event.GetWorkflowExecutionTerminatedEventAttributes()
		ending.Message = fmt.Sprintf("运行被终止：%s（操作者 %s）；已提交的批次保留", orNone(why.GetReason()), orNone(why.GetIdentity()))
	case enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:
		ending.Code = task.CodeDeadline
		ending.Message = "运行超过执行时限，被 Temporal 结束；已提交的批次保留"
	case enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED:
		ending.Status, ending.Code = task.Canceled, task.CodeCanceled
		ending.Message = "已取消；已提交的批次保留"
	case enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING:
		// Another execution holds the ID: this one cannot be running. Temporal
		// is about to say so.
		return ending, task.Errorf(task.CodeTemporalUnavailable, "Temporal 还没有说明运行 %s 如何结束", firstRunID)
	default:
		ending.Message = fmt.Sprintf("运行在 Temporal 中已结束（%s），记录却没有收尾，数据库可能恢复到了较早的时间；请重新同步", info.GetStatus())
	}
	return ending, nil
}

// last is the execution with the given first run id, or what it was reset to.
func (r *Runs) last(ctx context.Context, workflowID, runID string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	for range maxResets {
		desc, err := r.temporal.DescribeWorkflowExecution(ctx, workflowID, runID)
		if err != nil {
			return nil, translate(ctx, err)
		}
		next := desc.GetWorkflowExtendedInfo().GetResetRunId()
		if next == "" {
			return desc, nil
		}
		runID = next
	}
	return nil, task.Errorf(task.CodeNotFound, "运行 %s 被重置得太多次", runID)
}

func (r *Runs) closeEvent(ctx context.Context, workflowID, runID string) (*historypb.HistoryEvent, error) {
	events := r.temporal.GetWorkflowHistory(ctx, workflowID, runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT)
	if !events.HasNext() {
		return nil, task.Errorf(task.CodeTemporalUnavailable, "Temporal 没有给出运行的结束事件")
	}
	event, err := events.Next()
	return event, translate(ctx, err)
}

func orNone(s string) string {
	if s == "" {
		return "未说明"
	}
	return s
}
