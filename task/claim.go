package task

import "time"

// Opening is what a run says when it opens its record.
type Opening struct {
	// RecordID is 0 for a run that nobody gave an id; the store takes the next.
	RecordID   int64
	Type       SyncType
	Trigger    Trigger
	WorkflowID string
	FirstRunID string
	StartTime  time.Time
	Window     Window
	// ScheduledAt is the nominal time of a schedule's slot; nil for a run that a
	// person started.
	ScheduledAt *time.Time
	LockedBy    string
	Actor       string
	MaxRetries  int
}

// Closing is what a run says when it closes its record. The counts are not in
// it: the store adds them up from what was committed.
type Closing struct {
	RecordID int64
	EndTime  time.Time
	// Status is Failed or Canceled for a run that could not go to its end, and
	// "" for one that did: the store then says Success or Partial by the counts.
	Status       Status
	ErrorType    Code
	ErrorMessage string
	RetryCount   int
	Attempts     []Attempt
	// Token names this closing of this execution; a closing that is done again
	// has the same.
	Token string
	// Complete is true for a run that read the whole window while the source
	// did not drift; only such a run may find out that tasks are gone.
	Complete bool
	// Pages is how many pages a run that went to its end has fetched; 0 where
	// nobody knows.
	Pages int
	// Zone is the business zone, whose days the roll-up goes by.
	Zone *time.Location
}

// Stored is what the database has of a task.
type Stored struct {
	Hash []byte
	// Missing is true if the source did not have the task any more.
	Missing bool
	Match   Match
	// SearchedVersion is the version of the packages that the search saw; 0 if
	// it did not look at the task.
	SearchedVersion int64
}

// StateCounts counts tasks by where they stand.
type StateCounts struct {
	Matched, Pending, Failed, Idle int
}

// Add counts one task in state s.
func (c *StateCounts) Add(s MatchState) {
	switch s {
	case Matched:
		c.Matched++
	case Pending:
		c.Pending++
	case MatchFailed:
		c.Failed++
	case Idle:
		c.Idle++
	}
}

// Refusal is a valid task that failed in a run.
type Refusal struct {
	TaskID   string
	TaskName string
	Kind     ErrorKind
	Error    string
}

// ErrorKind says what a task failed at.
type ErrorKind string

// The kinds: no usable package, or refused by the database.
const (
	ErrorMatch ErrorKind = "match"
	ErrorStore ErrorKind = "store"
)

// Claim is one fetched page as it is kept between the activities of a run, so
// that rows do not travel through the workflow's history (claim check).
type Claim struct {
	RecordID int64
	Seq      int
	// Pass is 0 for the first reading of the window, 1 and more for a reading
	// again.
	Pass      int
	Span      int
	SpanTotal *int
	// Next is the cursor of the following page, "" after the last.
	Next      string
	FetchedAt time.Time
	// Fetched counts the page's entries, Duplicate those that the record had
	// already, PassDistinct those that this pass had not seen.
	Fetched, Duplicate, PassDistinct int
	// IDs are the valid ids that this pass had not seen.
	IDs []string
	// Unchanged are stored tasks that need no write.
	Unchanged StateCounts
	ClaimedRows
	// Undecided is how many of the rows need a search.
	Undecided int
	Rejects   []Reject
	// Errors are the unchanged tasks that stay failed.
	Errors []Refusal
}

// ClaimedRows are the rows to write of one page.
type ClaimedRows struct {
	// Batches are the rows, cut into batches and sorted by id within each; the
	// first NewBatches hold only tasks that the store did not have.
	Batches    [][]Row
	NewBatches int
	// PackagesVersion is that of the packages that the rows' matches come from.
	// A row that needs a search has none.
	PackagesVersion int64
}

// Rows counts the tasks to write.
func (c *ClaimedRows) Rows() int {
	n := 0
	for _, b := range c.Batches {
		n += len(b)
	}
	return n
}

// ClaimHead is a stored page without its rows.
type ClaimHead struct {
	Seq int
	// Next is the cursor of the following page, "" after the last.
	Next string
	// Fetched counts the page's entries.
	Fetched int
	// Rows counts the tasks to write, Undecided those of them that need a search;
	// Searched is true once it was done.
	Rows, Undecided int
	Searched        bool
}

// ClaimRows are the rows to write of one page, with what the search found.
type ClaimRows struct {
	// FetchedAt is when the source was asked for them.
	FetchedAt time.Time
	ClaimedRows
	// Matches are what the search decided, by id, from MatchesVersion of the
	// packages; nil before the search.
	Matches        map[string]Match
	MatchesVersion int64
}

// SeenPage is what an earlier page of a record had: ids that its pass had not
// seen before, or one reject.
type SeenPage struct {
	Pass   int
	IDs    []string
	Reject *Reject
}

// PassSums compares what one reading of the window saw with what the source
// said it has; SourceTotal is nil where it says nothing.
type PassSums struct {
	Distinct    int
	SourceTotal *int
	// TotalChanged is true if the source named different totals on the way.
	TotalChanged bool
}

// Row is a task to write, with its match.
type Row struct {
	Task  Task
	Match Match
	// SearchedVersion is the version of the packages that the search saw; 0
	// where the match needed no search.
	SearchedVersion int64
}

// Batch is the unit of commit.
type Batch struct {
	RecordID    int64
	PageSeq, No int
	FetchedAt   time.Time
	// Rows are sorted by id.
	Rows []Row
	// New says that the store had none of them when they were fetched.
	New bool
	// Unstored tasks were refused by the database; they are not in Rows.
	Unstored        []Refusal
	PackagesVersion int64
	NormVersion     int16
}

// BatchOutcome is a batch that is committed.
type BatchOutcome struct {
	PageSeq, No int
	Tasks       int
}
