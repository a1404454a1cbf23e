package activities

import (
	"context"
	"time"

	"tasksync/task"
)

// wedgedAttempt is the attempt of a workflow task from which on a run is in
// alarm: Temporal reaches it after about 10 seconds of failures.
const wedgedAttempt = 3

// FateOf is what Temporal says about the execution of a running record. A
// record is alive exactly while its workflow ID's current execution is open and
// has the record's first run id.
func FateOf(ctx context.Context, executions Executions, rec task.Record) (task.Fate, error) {
	current, err := executions.Current(ctx, rec.WorkflowID)
	if err != nil && task.CodeOf(err) != task.CodeNotFound {
		return task.Fate{}, err
	}
	if err == nil && current.Open && current.FirstRunID == rec.FirstRunID {
		return task.Fate{Alive: true, Wedged: current.TaskAttempt >= wedgedAttempt}, nil
	}
	ending, err := executions.Ending(ctx, rec.WorkflowID, rec.FirstRunID)
	return task.Fate{Ending: ending}, err
}

// Closer closes records.
type Closer interface {
	CloseRecord(ctx context.Context, c task.Closing) (task.Record, error)
}

// CloseLost closes the record of a run that ended without closing it. It answers
// false if somebody else has closed it.
func CloseLost(ctx context.Context, store Closer, rec task.Record, ending task.Ending, zone *time.Location) (bool, error) {
	_, err := store.CloseRecord(ctx, task.Closing{
		RecordID: rec.ID, EndTime: ending.At, Status: ending.Status, ErrorType: ending.Code, ErrorMessage: ending.Message, Zone: zone,
	})
	if task.CodeOf(err) == task.CodeRecordClosed {
		return false, nil
	}
	return err == nil, err
}
