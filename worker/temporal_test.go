package worker_test

import (
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
)

func countRequest(query string) *workflowservice.CountWorkflowExecutionsRequest {
	return &workflowservice.CountWorkflowExecutionsRequest{Query: query}
}

// reset resets the last run of a workflow ID to its first workflow task.
func reset(s *system, workflowID string) {
	s.t.Helper()
	desc, err := s.temporal.DescribeWorkflow(s.ctx, workflowID, "")
	require.NoError(s.t, err)
	resetRun(s, workflowID, desc.WorkflowExecution.RunID, false)
}

// resetRun resets a run to its first workflow task, or to its second, which
// comes after its record was opened.
func resetRun(s *system, workflowID, runID string, second bool) {
	s.t.Helper()
	events := s.temporal.GetWorkflowHistory(s.ctx, workflowID, runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(s.t, err)
		if event.GetEventType() != enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			continue
		}
		if second {
			second = false
			continue
		}
		_, err = s.temporal.ResetWorkflowExecution(s.ctx, &workflowservice.ResetWorkflowExecutionRequest{
			Namespace:                 s.namespace,
			WorkflowExecution:         &commonpb.WorkflowExecution{WorkflowId: workflowID, RunId: runID},
			Reason:                    "test",
			WorkflowTaskFinishEventId: event.GetEventId(),
			RequestId:                 uuid.NewString(),
		})
		require.NoError(s.t, err)
		return
	}
	s.t.Fatal("no workflow task to reset to")
}
