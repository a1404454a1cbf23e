package mapping

import (
	"regexp"
	"strings"
	"time"
)

// Overlaps reports whether the source has to be asked for a step more than a
// window has at one of its ends, since the parameters are coarser than the
// creation times: a source that counts the minute 23:59 in may mean its first
// moment alone. Days are counted whole.
func (m *Mapping) Overlaps() bool {
	w := m.List.Window
	return w != nil && (w.Inclusive || w.StartOpen) && m.Created.Step() < w.Granularity.Duration
}

// version is that of the file format.
const version = "1"

// MaxPageSize is the largest page that a mapping may ask for.
const MaxPageSize = 1000

// Mapping is a description that was read and found right. It is not changed
// after that.
type Mapping struct {
	// Name is the installation's name for people; the file's, if it has none.
	Name string
	// File is where it was read, "内置" for the embedded one.
	File string
	// Zone is the zone of times that carry none.
	Zone *time.Location
	// Headers go with every request.
	Headers []Param
	Auth    Auth
	List    List
	// Envelope is what answers begin with.
	Envelope Envelope
	// HTTP sorts the statuses of answers.
	HTTP Classes
	// Fields are the expressions of a task's fields, by Field. One that the
	// mapping does not have is nil.
	Fields [FieldCount]*Expr
	// States translates the source's words for a state; others stay.
	States map[string]string
	// Created is how the creation time is written.
	Created TimeFormat
	// Ignore are the paths of an entry that are not kept as attributes.
	Ignore []Path
	// Fingerprint tells mappings that page differently apart.
	Fingerprint string
}

// Field is one field of a task.
type Field int

// The fields.
const (
	FieldID Field = iota
	FieldName
	FieldState
	FieldTotal
	FieldCalled
	FieldConnected
	FieldSucceeded
	FieldCreatedAt
	FieldPackageCode
	FieldPackageID
	FieldCount
)

// FieldKeys are the keys of the fields in the file.
var FieldKeys = [FieldCount]string{
	"id", "name", "state", "total", "called", "connected", "succeeded", "created_at", "package_code", "package_id",
}

// Param is a name and its value, which may hold placeholders where the
// credentials belong.
type Param struct{ Name, Value string }

// Place is where something goes in a request.
type Place string

// The places.
const (
	InHeader Place = "header"
	InQuery  Place = "query"
	InBody   Place = "body"
)

// Request is the fixed part of a request.
type Request struct {
	Method string
	// Path is joined to the base URL.
	Path           string
	Headers, Query []Param
	// Encoding is "" for no body, "json" or "form".
	Encoding string
	// Body is the fixed part of the body.
	Body map[string]any
}

// AuthKind says how the source knows us.
type AuthKind string

// The kinds.
const (
	AuthNone   AuthKind = "none"
	AuthStatic AuthKind = "static"
	AuthBasic  AuthKind = "basic"
	AuthToken  AuthKind = "token"
)

// Auth is how requests are authorized.
type Auth struct {
	Kind AuthKind
	// Value is what AuthStatic sends.
	Value string
	// Requests are the ways to a token. The first whose credentials are all
	// set is taken.
	Requests []Request
	// Token is where the token stands in the answer, ExpiresIn for how many
	// seconds it is good; nil if the answer does not say.
	Token, ExpiresIn *Expr
	// Lifetime is how long a token is good where the answer does not say; 0 is
	// until it is refused.
	Lifetime time.Duration
	// In, Name and Prefix say where the value or the token goes.
	In           Place
	Name, Prefix string
	// Envelope is that of the token's answer.
	Envelope Envelope
}

// List is the request for one page and where its answer has what.
type List struct {
	Request
	// Items is where the entries stand.
	Items *Expr
	// Window is nil if the source cannot be asked for a window.
	Window *Window
	Paging Paging
}

// Window is how a window is asked for.
type Window struct {
	In Place
	// Start and End are the names of the parameters.
	Start, End string
	Format     TimeFormat
	// Inclusive says that the source counts End in, StartOpen that it leaves
	// Start out.
	Inclusive, StartOpen bool
	// Granularity is the step of the parameters.
	Granularity Period
	// Longest is the longest span of one request; zero is without a limit.
	Longest Period
}

// Period is a number of days by the calendar, or a duration.
type Period struct {
	Days     int
	Duration time.Duration
}

// IsZero reports whether p is no period.
func (p Period) IsZero() bool { return p == Period{} }

// TimeFormat is how a time is written.
type TimeFormat struct {
	// Kind is unix, unix_ms, rfc3339 or layout.
	Kind string
	// Layout is Go's, for the kind layout.
	Layout string
}

// The kinds of time formats.
const (
	TimeUnix    = "unix"
	TimeUnixMS  = "unix_ms"
	TimeRFC3339 = "rfc3339"
	TimeLayout  = "layout"
)

// Step is the finest difference that the format can tell, a second at most.
func (f TimeFormat) Step() time.Duration {
	switch f.Kind {
	case TimeUnixMS:
		return time.Millisecond
	case TimeRFC3339:
		return time.Microsecond
	case TimeLayout:
		if strings.Contains(f.Layout, ".0") || strings.Contains(f.Layout, ".9") ||
			strings.Contains(f.Layout, ",0") || strings.Contains(f.Layout, ",9") {
			return time.Microsecond
		}
	}
	return time.Second
}

// PagingStyle is how the source is asked for the next page.
type PagingStyle string

// The styles.
const (
	// PagingPage counts pages.
	PagingPage PagingStyle = "page"
	// PagingOffset counts entries.
	PagingOffset PagingStyle = "offset"
	// PagingCursor sends back what the answer gave.
	PagingCursor PagingStyle = "cursor"
	// PagingLink follows the link that the answer gives.
	PagingLink PagingStyle = "link"
	// PagingNone has everything in one answer.
	PagingNone PagingStyle = "none"
)

// Paging is how pages are asked for.
type Paging struct {
	Style PagingStyle
	In    Place
	// Param is the name of the parameter for the page, the offset or the
	// cursor.
	Param string
	// First is the number of the first page.
	First int
	// Size is the name of the parameter for the size of a page; "" if there
	// is none.
	Size string
	// Largest is the largest page, or without Size the size of the source's
	// pages; 0 if that is not known.
	Largest int
	// Total, HasMore and Next may be nil. For PagingLink, Next is where the
	// answer has the link; nil is the Link header.
	Total, HasMore, Next *Expr
	// TotalHeader is the header of the answer that has the total; "" for none.
	TotalHeader string
}

// Envelope is what tells a good answer from a refusal inside HTTP 200.
type Envelope struct {
	// Success is true for a good answer; nil if Code decides, or nothing does.
	Success *Expr
	// Code and Message may be nil.
	Code, Message *Expr
	Codes         Classes
	Messages      Messages
}

// Classes sorts codes. What is in none of them is against the contract.
type Classes struct{ Success, Passing, Expired, Credentials Codes }

// Messages are patterns of the source's messages where its codes do not tell.
type Messages struct{ Passing, Expired, Credentials []*regexp.Regexp }
