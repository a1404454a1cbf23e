package activities

import (
	"context"
	"iter"
	"time"

	"tasksync/task"
)

// Source is where tasks come from.
type Source interface {
	// Pages yields the pages of a window in order, from cursor on; "" is the
	// first page.
	Pages(ctx context.Context, w task.Window, cursor string) iter.Seq2[task.Page, error]
}

// Store keeps what a run does.
type Store interface {
	recordStore
	fetchStore
	batchStore
	packageStore
}

// Matcher is one immutable snapshot of the packages.
type Matcher interface {
	// Version is the version of the packages that the snapshot was made from.
	Version() int64
	// Lookup asks the layers that need no search; false is undecided.
	Lookup(name, ref string) (task.Match, bool)
	// Search decides what Lookup left undecided.
	Search(name string) task.Match
}

// Executions tells what Temporal knows about executions.
type Executions interface {
	// Current is the current execution of a workflow ID; task.CodeNotFound if
	// there is none.
	Current(ctx context.Context, workflowID string) (task.Execution, error)
	// Ending is how the execution with the given first run id ended.
	Ending(ctx context.Context, workflowID, firstRunID string) (task.Ending, error)
	// NextRecordID takes the next record id that no execution has had.
	NextRecordID(ctx context.Context) (int64, error)
}

// Config holds the settings of runs.
type Config struct {
	// Zone is the business zone.
	Zone *time.Location
	// LockedBy is host-pid of this worker.
	LockedBy string
	// MaxRetries bounds the retries of one step.
	MaxRetries int
	// BatchSize is how many tasks are committed together.
	BatchSize int
	// Connections is how many batches are in flight at a time, in all chunks that
	// this worker stores.
	Connections int
	// Retention is how long finished records are kept.
	Retention time.Duration
	// NormVersion is the version of the matcher's normalization.
	NormVersion int16
	// NewMatcher makes a snapshot.
	NewMatcher func(version int64, packages []task.Package) Matcher
}

// Activities holds what the activities work with.
type Activities struct {
	cfg        Config
	store      Store
	source     Source
	executions Executions
	matchers   *matchers
	seen       *seenCache
	pages      *pageCache
	// batches holds a place for each batch in flight, so that chunks stored side
	// by side leave connections to those that are fetched and matched.
	batches chan struct{}
}

// New makes the activities.
func New(cfg Config, store Store, source Source, executions Executions) *Activities {
	return &Activities{
		cfg: cfg, store: store, source: source, executions: executions,
		matchers: &matchers{store: store, make: cfg.NewMatcher},
		seen:     newSeenCache(store),
		pages:    newPageCache(store),
		batches:  make(chan struct{}, cfg.Connections),
	}
}
