package task

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"time"
)

// The limits of a task's text, in characters. A longer one is rejected.
const (
	MaxIDLength   = 128
	MaxNameLength = 500
)

// Task is one record of the source, identified by its id there.
type Task struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// PackageRef is a package's code or external id that the task itself
	// names; "" if it names none.
	PackageRef string `json:"ref,omitempty"`
	// State is the source's own word for the task's state, kept as text.
	State     string `json:"state,omitempty"`
	Total     int64  `json:"total,omitempty"`
	Called    int64  `json:"called,omitempty"`
	Connected int64  `json:"connected,omitempty"`
	Succeeded int64  `json:"succeeded,omitempty"`
	// CreatedAt is when the source made the task. Windows go by it.
	CreatedAt time.Time `json:"created_at"`
	// Attributes is a JSON object of what the mapping left over; nil if none.
	Attributes json.RawMessage `json:"attributes,omitempty"`
}

// HashSize is the length of a content hash in bytes.
const HashSize = 16

// Hash digests everything the source said about the task, so that a task that
// did not change need not be written again.
func (t *Task) Hash() [HashSize]byte {
	var space [512]byte // Enough as a rule; without it every task would cost memory.
	buf := space[:0]
	text := func(s string) {
		buf = binary.AppendUvarint(buf, uint64(len(s)))
		buf = append(buf, s...)
	}
	text(t.Name)
	text(t.PackageRef)
	text(t.State)
	for _, n := range [...]int64{t.Total, t.Called, t.Connected, t.Succeeded, t.CreatedAt.UnixMicro()} {
		buf = binary.AppendVarint(buf, n)
	}
	buf = append(buf, t.Attributes...)
	sum := sha256.Sum256(buf)
	return [HashSize]byte(sum[:HashSize])
}

// Reject is an entry of the source that is not a valid task.
type Reject struct {
	// TaskID and TaskName are "" where the entry has none that can be read.
	TaskID   string
	TaskName string
	Reason   string
	// Payload is the entry as the source sent it, cut to 64 KiB.
	Payload []byte
}

// Page is one page of the source's list.
type Page struct {
	Tasks   []Task
	Rejects []Reject
	// Next is the cursor of the following page; "" after the last one.
	Next string
	// Span numbers the pieces, from 0, into which a window longer than the
	// source allows is cut.
	Span int
	// Total is how many tasks the source says the span has; nil if it does not
	// say.
	Total *int
	// FetchedAt is when the page was asked for: an older answer never
	// overwrites a newer one.
	FetchedAt time.Time
}

// Package is a data package: what tasks belong to.
type Package struct {
	ID int64
	// Code is unique: the prefix of all names of the package's tasks.
	Code string
	// Name need not be unique.
	Name       string
	ExternalID string
	Enabled    bool
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// MatchState says where a task stands.
type MatchState string

// The states. Idle (闲散) is a person's word that the task needs no package.
const (
	Matched     MatchState = "matched"
	Pending     MatchState = "pending"
	Idle        MatchState = "idle"
	MatchFailed MatchState = "failed"
)

// Layer is what decided a match (DESIGN section 4); 0 is undecided.
type Layer int16

// The layers, in the order in which they are asked.
const (
	LayerNone      Layer = 0
	LayerExplicit  Layer = 1
	LayerPrefix    Layer = 2
	LayerDecision  Layer = 3
	LayerStructure Layer = 4
	LayerText      Layer = 5
)

// Match is the outcome of matching one task.
type Match struct {
	State MatchState
	// PackageID is 0 unless State is Matched.
	PackageID int64
	Layer     Layer
	// Reason is what people read when State is MatchFailed, "" otherwise.
	Reason string
}
