package task

import "time"

// DatabaseServer is what a database server says of itself.
type DatabaseServer struct {
	// ClockAhead is how far its clock is ahead of ours, below zero if behind.
	ClockAhead time.Duration
	// ZoneNow is its wall clock in the business zone, without seconds, for a
	// comparison of the two databases of zones.
	ZoneNow, OurZoneNow string
	// MaxConnections are those that ordinary users may have, InUse those that are
	// there.
	MaxConnections, InUse int
	// Risky are the settings under which a crash loses committed data, such as
	// "fsync = off".
	Risky []string
	// ReadOnly is true for a server that takes no writes.
	ReadOnly bool
}

// Sequence is where the sequence of record ids stands.
type Sequence struct {
	// Next is the id that it hands out next, Largest the largest id of a record.
	Next, Largest int64
}

// WrongSums is a finished record whose numbers contradict each other.
type WrongSums struct {
	RecordID int64
	Status   Status
	// Sums is true where the record's own numbers do not add up, Parts where they
	// differ from what its pages and batches add up to, Green where it is a success
	// that does not balance.
	Sums, Parts, Green bool
}

// LeftClaim is a finished record that still has rows to hand on.
type LeftClaim struct {
	RecordID               int64
	Status                 Status
	WorkflowID, FirstRunID string
	// Unprocessed counts the tasks that a reset could still store.
	Unprocessed int
	Bytes       int64
}

// PackagesVersion compares the counter of package changes with what matching has
// written down.
type PackagesVersion struct {
	// Version is 0 if the counter's row is gone.
	Version int64
	// Seen is the largest version that a task, a page or a batch was matched by.
	Seen int64
}

// Poller is a worker that asks for work.
type Poller struct {
	Identity string
	At       time.Time
}

// OpenRun is an open execution of one of our workflows.
type OpenRun struct {
	WorkflowID, RunID, FirstRunID string
	// Workflow is the name of its type.
	Workflow string
	Start    time.Time
	// TaskAttempt is the attempt of the pending workflow task; from 3 on the code
	// fails again and again, and Cause says at what.
	TaskAttempt int
	Cause       string
}

// RunTrace is what Temporal's index of executions has of a run.
type RunTrace struct {
	WorkflowID, RunID string
	RecordID          int64
	// Status is the search attribute SyncStatus, Open and Closed what Temporal
	// itself says: Closed is true only where the run's own code ended it.
	Status Status
	Open   bool
	Closed bool
	Start  time.Time
}

// Fate is what Temporal says about the execution of a running record.
type Fate struct {
	// Alive is true while the execution is open and the record's own.
	Alive bool
	// Wedged is true for one whose workflow task fails again and again.
	Wedged bool
	// Ending is how it ended, where it is not alive.
	Ending Ending
}
