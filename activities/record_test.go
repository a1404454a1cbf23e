package activities_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tasksync/activities"
	"tasksync/task"
)

func TestCloseLostRecords(t *testing.T) {
	f := setup(t)
	f.store.running = []task.Record{
		{ID: 1, WorkflowID: "alive", FirstRunID: "a"},
		{ID: 2, WorkflowID: "replaced", FirstRunID: "b"},
		{ID: 3, WorkflowID: "closed", FirstRunID: "c"},
		{ID: 4, WorkflowID: "forgotten", FirstRunID: "d"},
		{ID: 5, WorkflowID: "wedged", FirstRunID: "e"},
		{ID: 6, WorkflowID: "reset", FirstRunID: "f"},
	}
	f.temporal.current = map[string]task.Execution{
		"alive":    {RunID: "a", FirstRunID: "a", Open: true},
		"replaced": {RunID: "x", FirstRunID: "x", Open: true},
		"closed":   {RunID: "c", FirstRunID: "c"},
		"wedged":   {RunID: "e", FirstRunID: "e", Open: true, TaskAttempt: 3},
		"reset":    {RunID: "f2", FirstRunID: "f", Open: true, TaskAttempt: 2},
	}
	out, err := execute[activities.LostResult](f, f.activities().CloseLostRecords)
	require.NoError(t, err)
	require.Equal(t, activities.LostResult{Running: 6, Closed: 3, Alarms: 1}, out)
	var ids []int64
	for _, c := range f.store.closed {
		ids = append(ids, c.RecordID)
		require.Equal(t, task.CodeTerminated, c.ErrorType)
	}
	require.Equal(t, []int64{2, 3, 4}, ids)
	require.Contains(t, f.store.alarms[5], "WorkflowTaskFailed")
}

func TestNothingIsClosedWhileTemporalIsAway(t *testing.T) {
	f := setup(t)
	f.store.running = []task.Record{{ID: 1, WorkflowID: "w", FirstRunID: "a"}}
	f.temporal.err = task.Errorf(task.CodeTemporalUnavailable, "Temporal 暂时不可用")
	_, err := execute[activities.LostResult](f, f.activities().CloseLostRecords)
	require.Error(t, err)
	require.Empty(t, f.store.closed)
}
