package runs

import (
	"context"
	"errors"
	"strconv"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

	"tasksync/task"
	"tasksync/workflows"
)

const (
	// listRows bounds what is read of Temporal's index of executions.
	listRows = 5000
	pageRows = 500
)

// Namespace fails with task.CodeNotFound if the namespace does not exist, and
// with task.CodeTemporalUnavailable if Temporal does not answer.
func (r *Runs) Namespace(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	_, err := r.temporal.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: name})
	var missing *serviceerror.NamespaceNotFound
	if errors.As(err, &missing) {
		return task.Wrap(task.CodeNotFound, err, "Temporal 没有命名空间 %s", name)
	}
	return translate(ctx, err)
}

// Pollers are the workers that asked for workflow tasks a moment ago.
func (r *Runs) Pollers(ctx context.Context) ([]task.Poller, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	queue, err := r.temporal.DescribeTaskQueue(ctx, r.cfg.TaskQueue, enumspb.TASK_QUEUE_TYPE_WORKFLOW)
	if err != nil {
		return nil, translate(ctx, err)
	}
	var pollers []task.Poller
	for _, p := range queue.GetPollers() {
		if at := p.GetLastAccessTime().AsTime(); time.Since(at) < pollerFresh {
			pollers = append(pollers, task.Poller{Identity: p.GetIdentity(), At: at})
		}
	}
	return pollers, nil
}

// OpenRuns are the open executions of our workflows, with why their code fails
// where it does.
func (r *Runs) OpenRuns(ctx context.Context) ([]task.OpenRun, error) {
	infos, err := r.list(ctx, "ExecutionStatus = 'Running' AND TaskQueue = '"+r.cfg.TaskQueue+"'")
	if err != nil {
		return nil, err
	}
	var open []task.OpenRun
	for _, info := range infos {
		id, runID := info.GetExecution().GetWorkflowId(), info.GetExecution().GetRunId()
		desc, err := r.temporal.DescribeWorkflowExecution(ctx, id, runID)
		if err = translate(ctx, err); task.CodeOf(err) == task.CodeNotFound {
			continue
		} else if err != nil {
			return nil, err
		}
		if desc.GetWorkflowExecutionInfo().GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
			// The index is a moment late.
			continue
		}
		run := task.OpenRun{
			WorkflowID: id, RunID: runID, FirstRunID: desc.GetWorkflowExecutionInfo().GetFirstRunId(), Workflow: info.GetType().GetName(),
			Start: info.GetStartTime().AsTime(), TaskAttempt: int(desc.GetPendingWorkflowTask().GetAttempt()),
		}
		if run.TaskAttempt > 1 {
			if run.Cause, err = r.taskFailure(ctx, id, runID); err != nil {
				return nil, err
			}
		}
		open = append(open, run)
	}
	return open, nil
}

// taskFailure is why the last workflow task failed, "" if none did.
func (r *Runs) taskFailure(ctx context.Context, id, runID string) (string, error) {
	var failed *historypb.WorkflowTaskFailedEventAttributes
	events := r.temporal.GetWorkflowHistory(ctx, id, runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			return "", translate(ctx, err)
		}
		if f := event.GetWorkflowTaskFailedEventAttributes(); f != nil {
			failed = f
		}
	}
	if failed == nil {
		return "", nil
	}
	return failed.GetCause().String() + "：" + failed.GetFailure().GetMessage(), nil
}

// Traces are what Temporal's index has of the runs that have a record, of those
// with an id above the given one, at most 5,000.
func (r *Runs) Traces(ctx context.Context, above int64) ([]task.RunTrace, error) {
	infos, err := r.list(ctx, "WorkflowType = 'SyncWorkflow' AND "+workflows.AttributeRecordID.GetName()+" > "+strconv.FormatInt(above, 10))
	if err != nil {
		return nil, err
	}
	traces := make([]task.RunTrace, len(infos))
	for i, info := range infos {
		t := task.RunTrace{
			WorkflowID: info.GetExecution().GetWorkflowId(), RunID: info.GetExecution().GetRunId(), Start: info.GetStartTime().AsTime(),
			Open: info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING,
		}
		switch info.GetStatus() {
		case enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, enumspb.WORKFLOW_EXECUTION_STATUS_FAILED, enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED:
			t.Closed = true
		}
		fields := info.GetSearchAttributes().GetIndexedFields()
		if p := fields[workflows.AttributeRecordID.GetName()]; p != nil {
			decode(p, &t.RecordID)
		}
		if p := fields[workflows.AttributeStatus.GetName()]; p != nil {
			decode(p, &t.Status)
		}
		traces[i] = t
	}
	return traces, nil
}

// Skipped are the slots that began since a time and found the lock taken.
func (r *Runs) Skipped(ctx context.Context, since time.Time) ([]string, error) {
	infos, err := r.list(ctx, workflows.AttributeStatus.GetName()+" = '"+workflows.StatusSkipped+"' AND StartTime > '"+since.UTC().Format(time.RFC3339)+"'")
	ids := make([]string, len(infos))
	for i, info := range infos {
		ids[i] = info.GetExecution().GetWorkflowId()
	}
	return ids, err
}

// Known reports whether Temporal still has an execution.
func (r *Runs) Known(ctx context.Context, workflowID, runID string) (bool, error) {
	_, err := r.temporal.DescribeWorkflowExecution(ctx, workflowID, runID)
	if err = translate(ctx, err); task.CodeOf(err) == task.CodeNotFound {
		return false, nil
	}
	return err == nil, err
}

func (r *Runs) list(ctx context.Context, query string) ([]*workflowpb.WorkflowExecutionInfo, error) {
	var all []*workflowpb.WorkflowExecutionInfo
	request := &workflowservice.ListWorkflowExecutionsRequest{Query: query, PageSize: pageRows}
	for {
		page, err := r.temporal.ListWorkflow(ctx, request)
		if err != nil {
			return nil, translate(ctx, err)
		}
		all = append(all, page.GetExecutions()...)
		request.NextPageToken = page.GetNextPageToken()
		if len(request.NextPageToken) == 0 || len(all) >= listRows {
			return all, nil
		}
	}
}
