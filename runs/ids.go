package runs

import (
	"context"
	"fmt"

	"go.temporal.io/api/workflowservice/v1"

	"tasksync/workflows"
)

// NextRecordID takes the next record id that no execution has had. A database
// that was restored from a backup would give out again the ids of the runs
// since then, and one of these may still be running: then the sequence skips
// what Temporal knows.
func (r *Runs) NextRecordID(ctx context.Context) (int64, error) {
	id, err := r.ids.NextRecordID(ctx)
	if err != nil {
		return 0, err
	}
	known, err := r.knowsFrom(ctx, id)
	if err != nil || !known {
		return id, err
	}
	last := id
	for step := int64(1); known; step *= 2 {
		last += step
		if known, err = r.knowsFrom(ctx, last+1); err != nil {
			return 0, err
		}
	}
	r.log.Warn("the database is older than Temporal's runs, such as after a restore: record ids are skipped", "from", id, "to", last)
	if err := r.ids.SkipRecordIDs(ctx, last); err != nil {
		return 0, err
	}
	return r.ids.NextRecordID(ctx)
}

// knowsFrom reports whether Temporal knows an execution with this record id or
// a later one.
func (r *Runs) knowsFrom(ctx context.Context, id int64) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	count, err := r.temporal.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{
		Query: fmt.Sprintf("%s >= %d", workflows.AttributeRecordID.GetName(), id),
	})
	if err != nil {
		return false, translate(ctx, err)
	}
	return count.GetCount() > 0, nil
}
