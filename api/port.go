package api

import (
	"context"

	"tasksync/task"
)

// Records is what the API needs of the store. Its errors are task.Errors;
// others are answered as internal.
type Records interface {
	// List returns one page of records.
	List(ctx context.Context, filter task.RecordFilter) (task.RecordList, error)
	// Record returns one record; task.CodeNotFound if there is none.
	Record(ctx context.Context, id int64) (task.Record, error)
	// MarkRead marks a finished record as read. A record that is running, or
	// read already, is left as it is without an error; task.CodeNotFound if
	// there is none.
	MarkRead(ctx context.Context, id int64, actor string) error
	// MarkAllRead marks all finished records as read.
	MarkAllRead(ctx context.Context, actor string) error
	// Latest returns the newest record of each type that is no backfill; a type
	// without one is not in the map.
	Latest(ctx context.Context) (map[task.SyncType]task.Record, error)
	// Ping reports whether the store answers.
	Ping(ctx context.Context) error
}

// Runs starts runs and looks at them. Its errors are task.Errors; others are
// answered as internal.
type Runs interface {
	// Start starts a run and names it. Its record exists as soon as a worker has
	// opened it. It fails with task.CodeLockConflict, whose
	// message is the guide's text, and with task.CodeWorkerUnavailable,
	// task.CodeDatabaseUnavailable or task.CodeTemporalUnavailable, with nothing
	// started.
	Start(ctx context.Context, request task.StartRequest) (task.Started, error)
	// Wait returns nil when the run has closed, whatever its outcome, and ctx's
	// error if ctx ended first. The end of ctx does not touch the run.
	Wait(ctx context.Context, syncType task.SyncType, runID string) error
	// Cancel asks the running run of a type to stop; task.CodeNotFound if
	// nothing runs.
	Cancel(ctx context.Context, syncType task.SyncType, actor string) error
	// Locks returns the lock of each type that is running.
	Locks(ctx context.Context) (map[task.SyncType]task.Lock, error)
	// Ready is nil if Temporal answers and a worker polls; else it fails with
	// task.CodeTemporalUnavailable or task.CodeWorkerUnavailable.
	Ready(ctx context.Context) error
}
