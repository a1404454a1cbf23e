package task

import "time"

// SyncType says which window a run covers.
type SyncType string

const (
	// Historical covers 00:00 three days ago to 00:00 today.
	Historical SyncType = "historical"
	// Today covers 00:00 today to now.
	Today SyncType = "today"
)

// SyncTypes lists the types in the order in which people see them.
var SyncTypes = []SyncType{Historical, Today}

// Valid reports whether t is one of SyncTypes.
func (t SyncType) Valid() bool { return t == Historical || t == Today }

// Label is the name that people see.
func (t SyncType) Label() string {
	switch t {
	case Historical:
		return "历史数据"
	case Today:
		return "今日数据"
	}
	return string(t)
}

// Trigger says who started a run.
type Trigger string

// The triggers.
const (
	Manual   Trigger = "manual"
	Auto     Trigger = "auto"
	Backfill Trigger = "backfill"
)

// Label is the name that people see.
func (t Trigger) Label() string {
	switch t {
	case Manual:
		return "手动"
	case Auto:
		return "自动"
	case Backfill:
		return "补数"
	}
	return string(t)
}

// Status is the state of a run.
type Status string

// The statuses. A partial run went to its end, but at least one task failed or
// the source drifted; a failed one could not go to its end.
const (
	Running  Status = "running"
	Success  Status = "success"
	Partial  Status = "partial"
	Failed   Status = "failed"
	Canceled Status = "canceled"
)

// Label is the name that people see.
func (s Status) Label() string {
	switch s {
	case Running:
		return "进行中"
	case Success:
		return "成功"
	case Partial:
		return "部分成功"
	case Failed:
		return "失败"
	case Canceled:
		return "已取消"
	}
	return string(s)
}

// HistoricalDays is how many days before today the historical window covers.
const HistoricalDays = 3

// Window is the half-open range [From, To) of the tasks' creation time at the
// source that a run covers.
type Window struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// WindowAt is the window of a run of type t that belongs to the time at, by
// the calendar of the business zone loc. It does not depend on the zone of the
// host.
func WindowAt(t SyncType, at time.Time, loc *time.Location) Window {
	at = at.In(loc)
	midnight := func(daysBack int) time.Time {
		return time.Date(at.Year(), at.Month(), at.Day()-daysBack, 0, 0, 0, 0, loc)
	}
	if t == Historical {
		return Window{From: midnight(HistoricalDays), To: midnight(0)}
	}
	return Window{From: midnight(0), To: at}
}

// Counts are the numbers of a run. For every finished run
//
//	Total = Matched + Pending + Failed + Idle
//	Total = New + Updated + Rejected + Unstored
//	Total = Fetched − Duplicate − Unprocessed
type Counts struct {
	Total int `json:"total"`
	New   int `json:"new"`
	// Updated are the tasks that already existed, changed or not.
	Updated int `json:"updated"`
	// Unchanged are those of Updated that were not rewritten.
	Unchanged int `json:"unchanged"`
	Matched   int `json:"matched"`
	Pending   int `json:"pending"`
	Failed    int `json:"failed"`
	Idle      int `json:"idle"`
	Fetched   int `json:"fetched"`
	Duplicate int `json:"duplicate"`
	// Rejected are invalid tasks; they count as failed.
	Rejected int `json:"rejected"`
	// Unstored are tasks that the database refused; they count as failed.
	Unstored int `json:"unstored"`
	// Unprocessed were fetched, but the run ended before their turn.
	Unprocessed int `json:"unprocessed"`
}

// ErrorDetail is one task that failed, as the guide shows it.
type ErrorDetail struct {
	TaskID   string `json:"task_id"`
	TaskName string `json:"task_name"`
	Error    string `json:"error"`
}

// Record is one run as the database keeps it.
type Record struct {
	ID         int64
	Type       SyncType
	Trigger    Trigger
	Status     Status
	WorkflowID string
	// FirstRunID is Temporal's first run id, which a reset keeps; with the
	// workflow ID it is what a record belongs to.
	FirstRunID string
	Window     Window
	// LockedBy is host-pid of the process that holds the lock.
	LockedBy  string
	Actor     string
	StartTime time.Time
	// EndTime is nil while the record is running.
	EndTime *time.Time
	Counts  Counts
	// ScheduledAt is the nominal time of a schedule's slot; nil for a run that a
	// person started.
	ScheduledAt *time.Time
	// SourceTotal is what the source said it has; nil where it says nothing.
	SourceTotal *int
	// Distinct is how many different entries the last reading of the window saw.
	Distinct int
	// Warnings are what people should look at though the run went well.
	Warnings []Warning
	// ErrorMessage and ErrorType are "" where there is nothing to say.
	ErrorMessage string
	ErrorType    Code
	ErrorDetails []ErrorDetail
	// ClosedBy is the token of the closing; "" while the record is running.
	ClosedBy   string
	RetryCount int
	MaxRetries int
	IsRead     bool
	ReadAt     *time.Time
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// Duration is the difference of the whole seconds that people see, 0 while
// the record is running.
func (r Record) Duration() int {
	if r.EndTime == nil {
		return 0
	}
	return int(r.EndTime.Unix() - r.StartTime.Unix())
}

// DurationMS is the run's length in milliseconds, 0 while it is running.
func (r Record) DurationMS() int64 {
	if r.EndTime == nil {
		return 0
	}
	return r.EndTime.Sub(r.StartTime).Milliseconds()
}

// Lock is a running execution that holds a type's lock.
type Lock struct {
	Type SyncType
	// By is host-pid of the holder, cut to 100 characters with the pid kept.
	By string
	At time.Time
	// RecordID is 0 while the holder has not opened its record.
	RecordID int64
}

// AttemptKind says whose fault a failed attempt was.
type AttemptKind string

const (
	// AttemptSource is a passing failure of the source. It counts as a retry.
	AttemptSource AttemptKind = "source"
	// AttemptInfrastructure is a loss of our own: a killed worker, Temporal or
	// PostgreSQL away. It does not count.
	AttemptInfrastructure AttemptKind = "infrastructure"
	// AttemptInternal is any other failure that may pass. It counts.
	AttemptInternal AttemptKind = "internal"
	// AttemptPermanent is a failure that a retry cannot mend.
	AttemptPermanent AttemptKind = "permanent"
)

// The outcomes of a failed attempt.
const (
	OutcomeRetried = "retried"
	OutcomeGaveUp  = "gave_up"
)

// Attempt is one failed attempt of a step.
type Attempt struct {
	// RunID is the execution that made it. A record that was reset has several.
	RunID string `json:"run_id,omitempty"`
	Step  string `json:"step"`
	// Attempt counts from 1 within the step.
	Attempt int         `json:"attempt"`
	Kind    AttemptKind `json:"kind"`
	Code    Code        `json:"code"`
	Error   string      `json:"error"`
	At      time.Time   `json:"at"`
	// Wait is how long the run waited before it tried again; 0 if it gave up.
	Wait time.Duration `json:"wait"`
	// Outcome is OutcomeRetried or OutcomeGaveUp.
	Outcome string `json:"outcome"`
}

// RecordList is one page of records.
type RecordList struct {
	Records []Record
	// Total counts the records of all pages.
	Total int
	// Unread counts all finished unread records of all types, UnreadFailed the
	// failed and partial ones among them.
	Unread, UnreadFailed int
}

// Execution is the current execution of a workflow ID.
type Execution struct {
	RunID, FirstRunID string
	// Open is false once it has closed.
	Open bool
	// TaskAttempt is the attempt of the pending workflow task, 0 if none is
	// pending. From 3 on the workflow's code fails again and again.
	TaskAttempt int
}

// Ending is how an execution ended.
type Ending struct {
	Status  Status
	Code    Code
	Message string
	At      time.Time
}

// RecordFilter selects one page of the list of records.
type RecordFilter struct {
	// Type is "" for all types.
	Type SyncType
	// Page counts from 1, PerPage from 1 to 100.
	Page, PerPage int
}

// StartRequest says which run to start, and for whom.
type StartRequest struct {
	Type    SyncType
	Trigger Trigger
	// LockedBy is host-pid of the caller's process, see Holder.
	LockedBy string
	Actor    string
}

// Started names a run that was started.
type Started struct {
	RecordID int64
	// RunID is Temporal's.
	RunID string
}

// Progress is how far a running record has come.
type Progress struct {
	// Fetched counts the entries read from the source, Stored the tasks that
	// need no more work: unchanged ones and those of committed batches.
	Fetched, Stored int
	// SourceTotal is what the source says it has; nil where it says nothing.
	SourceTotal *int
}
