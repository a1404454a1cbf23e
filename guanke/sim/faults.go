package sim

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// The scopes of Faults.
const (
	ScopeList  = "list"
	ScopeToken = "token"
	ScopeAll   = "all"
)

// Faults say how the source misbehaves: what is wrong, and which requests meet
// it. Latency goes with any other fault; of Status, Code, ExpiredToken, Reset
// and Body at most one is set. Entries and Total make lists lie and go with each
// other and with Body. The zero value is a source that works.
//
// As JSON, the fields are those of faultsWire; latency is a text such as "5s".
type Faults struct {
	// Latency is how long each request waits before anything else happens, at
	// most 10 minutes.
	Latency time.Duration
	// Status is an HTTP status, 400 to 599, that is answered instead.
	Status int
	// RetryAfter is the header of that name in seconds, beside Status or Code.
	RetryAfter int
	// Code is an error code inside HTTP 200, and Message the text beside it,
	// which also goes with Status.
	Code    int
	Message string
	// ExpiredToken answers that the token has expired and makes it so, for
	// good: with Times 1 each caller that had this token must get a new one,
	// with which all is well; with Times 0 no token is ever good.
	ExpiredToken bool
	// Reset breaks the connection off.
	Reset bool
	// Body is what becomes of a true answer on its way, one of the Body
	// constants; "" is nothing.
	Body string
	// Entries is what is wrong with the entries of a list, one of the Entries
	// constants, and Total what is wrong with its total, one of the Total
	// constants; "" is nothing.
	Entries, Total string

	// Scope is ScopeList (also ""), ScopeToken or ScopeAll.
	Scope string
	// Pages limits the faults to requests of these pages of a list, counted from
	// 1; none is all.
	Pages []int
	// After is how many requests of the scope and the pages pass first.
	After int
	// Probability is the share of the requests behind them that are hit, in
	// (0, 1]; 0 is all. Seed and the number of the request decide which.
	Probability float64
	Seed        int64
	// Times is how many requests are hit before the faults end by themselves; 0
	// is no end.
	Times int
}

// What Faults.Body may be.
const (
	// BodyTrickle sends the answer at 20 kB/s.
	BodyTrickle = "trickle"
	// BodyStall sends half of the answer and then nothing, for ever.
	BodyStall = "stall"
	// BodyEndless sends blanks before the answer's last brace, for ever.
	BodyEndless = "endless"
	// BodyTruncated leaves the second half out.
	BodyTruncated = "truncated"
	// BodyCut promises the whole answer and ends the connection in its middle.
	BodyCut = "cut"
	// BodyMalformed puts a brace in the middle that does not belong there.
	BodyMalformed = "malformed"
	// BodyEmpty sends nothing at all.
	BodyEmpty = "empty"
	// BodyHTML sends a page to log in.
	BodyHTML = "html"
	// BodyBomb sends 1 MiB of gzip that unpacks to 1 GiB.
	BodyBomb = "bomb"
)

// What Faults.Entries may be.
const (
	// EntriesNone leaves the list empty.
	EntriesNone = "none"
	// EntriesOversize puts one entry more than was asked for on the page, the
	// same ones again if there are not enough.
	EntriesOversize = "oversize"
	// EntriesRepeat answers the page before once more.
	EntriesRepeat = "repeat"
	// EntriesDuplicates has every tenth task twice, on the same page or, at its
	// end, on the next.
	EntriesDuplicates = "duplicates"
	// EntriesMistyped gives the fields of every tenth entry wrong types.
	EntriesMistyped = "mistyped"
)

// What Faults.Total may be.
const (
	// TotalHigh is a tenth too high, TotalLow a tenth too low.
	TotalHigh = "high"
	TotalLow  = "low"
	// TotalChanging is another one each time, all too high.
	TotalChanging = "changing"
	// TotalNone is null, TotalZero is 0.
	TotalNone = "none"
	TotalZero = "zero"
)

var (
	bodyKinds = []string{
		BodyTrickle, BodyStall, BodyEndless, BodyTruncated, BodyCut, BodyMalformed, BodyEmpty, BodyHTML, BodyBomb,
	}
	entriesKinds = []string{EntriesNone, EntriesOversize, EntriesRepeat, EntriesDuplicates, EntriesMistyped}
	totalKinds   = []string{TotalHigh, TotalLow, TotalChanging, TotalNone, TotalZero}
)

// faultsWire is Faults as JSON.
type faultsWire struct {
	Latency      string  `json:"latency,omitempty"`
	Status       int     `json:"status,omitempty"`
	RetryAfter   int     `json:"retry_after,omitempty"`
	Code         int     `json:"code,omitempty"`
	Message      string  `json:"message,omitempty"`
	ExpiredToken bool    `json:"expired_token,omitempty"`
	Reset        bool    `json:"reset,omitempty"`
	Body         string  `json:"body,omitempty"`
	Entries      string  `json:"entries,omitempty"`
	Total        string  `json:"total,omitempty"`
	Scope        string  `json:"scope,omitempty"`
	Pages        []int   `json:"pages,omitempty"`
	After        int     `json:"after,omitempty"`
	Probability  float64 `json:"probability,omitempty"`
	Seed         int64   `json:"seed,omitempty"`
	Times        int     `json:"times,omitempty"`
}

// ParseFaults reads Faults from JSON, the body of PUT /_sim/faults and the
// value of TASKSYNC_SIM_FAULTS; "" is none. An error says which field is wrong.
func ParseFaults(s string) (Faults, error) {
	if strings.TrimSpace(s) == "" {
		return Faults{}, nil
	}
	var wire faultsWire
	if err := decodeStrict([]byte(s), &wire); err != nil {
		return Faults{}, fmt.Errorf("故障设置无效：%w；可用的字段是 latency、status、retry_after、code、message、expired_token、reset、"+
			"body、entries、total、scope、pages、after、probability、seed、times", err)
	}
	f := Faults{
		Status: wire.Status, RetryAfter: wire.RetryAfter, Code: wire.Code, Message: wire.Message,
		ExpiredToken: wire.ExpiredToken, Reset: wire.Reset, Body: wire.Body, Entries: wire.Entries, Total: wire.Total,
		Scope: wire.Scope, Pages: wire.Pages, After: wire.After, Probability: wire.Probability, Seed: wire.Seed, Times: wire.Times,
	}
	if wire.Latency != "" {
		latency, err := time.ParseDuration(wire.Latency)
		if err != nil {
			return Faults{}, fmt.Errorf("故障设置无效：latency %q 不是时长，应形如 \"5s\" 或 \"300ms\"", wire.Latency)
		}
		f.Latency = latency
	}
	return f, f.validate()
}

// MarshalJSON writes what ParseFaults reads.
func (f Faults) MarshalJSON() ([]byte, error) {
	wire := faultsWire{
		Status: f.Status, RetryAfter: f.RetryAfter, Code: f.Code, Message: f.Message,
		ExpiredToken: f.ExpiredToken, Reset: f.Reset, Body: f.Body, Entries: f.Entries, Total: f.Total,
		Scope: f.Scope, Pages: f.Pages, After: f.After, Probability: f.Probability, Seed: f.Seed, Times: f.Times,
	}
	if f.Latency != 0 {
		wire.Latency = f.Latency.String()
	}
	return json.Marshal(wire)
}

// UnmarshalJSON is ParseFaults.
func (f *Faults) UnmarshalJSON(data []byte) (err error) {
	*f, err = ParseFaults(string(data))
	return err
}
