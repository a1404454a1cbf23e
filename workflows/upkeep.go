package workflows

import (
	"go.temporal.io/sdk/workflow"

	"tasksync/activities"
)

// Housekeeping closes the records whose execution is gone. It replaces the
// guide's clean-up of expired locks.
func Housekeeping(ctx workflow.Context) (activities.LostResult, error) {
	var out activities.LostResult
	ctx = workflow.WithActivityOptions(ctx, upkeepOptions("关闭已丢失的运行"))
	err := workflow.ExecuteActivity(ctx, do.CloseLostRecords).Get(ctx, &out)
	return out, err
}

// Cleaning deletes the records that are older than the retention; the daily
// statistics, rolled up when a record closes, stay.
func Cleaning(ctx workflow.Context) (activities.CleanResult, error) {
	var out activities.CleanResult
	ctx = workflow.WithActivityOptions(ctx, upkeepOptions("清理过期的同步记录"))
	err := workflow.ExecuteActivity(ctx, do.DeleteOldRecords).Get(ctx, &out)
	return out, err
}
