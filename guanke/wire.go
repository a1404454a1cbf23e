package guanke

import (
	"bytes"
	"context"
	"errors"
	"math"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"tasksync/guanke/mapping"
	"tasksync/task"
)

// This file reads the answers of the source as the mapping describes them, in
// one pass over the tokens (skim.go, and entry.go for one task) and with what
// can be known only behind it (late.go). The decoder is the hottest code of a
// worker.

// longestRun bounds the expressions of one answer that are run.
const longestRun = 3 * time.Second

// envelope is what every answer begins with.
type envelope struct {
	// ok is false where the source refused.
	ok            bool
	code, message string
}

// listAnswer is one page of the task list.
type listAnswer struct {
	tasks   []task.Task
	rejects []task.Reject
	// beyond counts the entries that were not read, since no page is that long.
	beyond int
	// total is how many tasks the source has for the query; nil if it does
	// not say.
	total *int
	// more is whether the source has more; nil if it does not say.
	more *bool
	// next is the cursor or the link of the next page; "" if there is none.
	next    string
	askedAt time.Time
}

func (a *listAnswer) entries() int { return len(a.tasks) + len(a.rejects) + a.beyond }

// first tells the page from another one by what it begins with: the id of its
// first task, else what its first reject says; "" for an empty page.
func (a *listAnswer) first() string {
	switch {
	case len(a.tasks) > 0:
		return a.tasks[0].ID
	case len(a.rejects) > 0:
		return string(a.rejects[0].Payload)
	}
	return ""
}

// contractError is valid JSON that is not what the contract promises.
type contractError struct{ reason string }

func (e *contractError) Error() string { return e.reason }

// format is how the answers of one source are read. It is shared.
type format struct {
	mapping *mapping.Mapping
	zone    *time.Location
	// The plans are tokenPlan for the answer with a token, nil if there is
	// none, listPlan for a page, and entryPlan for one entry of it.
	tokenPlan, listPlan *answerPlan
	entryPlan           *entryPlan
	// labels are what people call the fields.
	labels [mapping.FieldCount]string
	// unit is how many microseconds a creation time counts that is a number.
	unit int64
}

func newFormat(m *mapping.Mapping, zone *time.Location) *format {
	f := &format{mapping: m, zone: zone, listPlan: newAnswerPlan(m, false), entryPlan: newEntryPlan(m)}
	if f.unit = int64(time.Second / time.Microsecond); m.Created.Kind == mapping.TimeUnixMS {
		f.unit = int64(time.Millisecond / time.Microsecond)
	}
	if m.Auth.Kind == mapping.AuthToken {
		f.tokenPlan = newAnswerPlan(m, true)
	}
	for i, e := range m.Fields {
		if e != nil {
			f.labels[i] = e.Label()
		}
	}
	return f
}

// decoder reads one answer.
type decoder struct {
	*jsontext.Decoder
	*format
	ctx  context.Context
	body []byte
	// slots belong to the plan of the answer.
	slots   []jsontext.Value
	entries entryState
	out     *listAnswer
	found   bool
	// headOnly passes over the list.
	headOnly bool
	// contract is the first thing that is not as promised.
	contract *contractError
	// whole is the decoded body, for expressions that are run.
	whole   any
	decoded bool
}

func (f *format) decoder(ctx context.Context, body []byte, p *answerPlan) *decoder {
	return &decoder{
		Decoder: jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)),
		format:  f, ctx: ctx, body: body, slots: make([]jsontext.Value, p.slots), out: &listAnswer{},
	}
}

func (d *decoder) breach(reason string) {
	if d.contract == nil {
		d.contract = &contractError{reason}
	}
}

// decodeHead reads only the envelope, as far as there is one.
func (f *format) decodeHead(ctx context.Context, body []byte, p *answerPlan) envelope {
	ctx, cancel := context.WithTimeout(ctx, longestRun)
	defer cancel()
	d := f.decoder(ctx, body, p)
	d.headOnly = true
	if err := d.skim(p); err != nil {
		return envelope{}
	}
	head, _ := d.head(p)
	return head
}

// mending calls read with body, and again with body mended where it is no JSON
// and can be.
func mending(body []byte, read func([]byte) error) error {
	err := read(body)
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		if better, changed := mended(body); changed {
			return read(better)
		}
	}
	return err
}

// decodeToken reads the answer of a token endpoint: the token and how long it
// is good, 0 if that is not said.
func (f *format) decodeToken(ctx context.Context, body []byte) (token string, lifetime time.Duration, head envelope, err error) {
	err = mending(body, func(body []byte) error {
		token, lifetime, head, err = f.tokenIn(ctx, body)
		return err
	})
	return token, lifetime, head, err
}

func (f *format) tokenIn(ctx context.Context, body []byte) (string, time.Duration, envelope, error) {
	ctx, cancel := context.WithTimeout(ctx, longestRun)
	defer cancel()
	d := f.decoder(ctx, body, f.tokenPlan)
	if err := d.skim(f.tokenPlan); err != nil {
		return "", 0, envelope{}, err
	}
	head, err := d.head(f.tokenPlan)
	if err != nil || !head.ok {
		return "", 0, head, err
	}
	v, err := d.value(f.tokenPlan.token)
	if err != nil {
		return "", 0, head, err
	}
	var token string
	if v.Kind() == '"' {
		token, _ = text(v)
	}
	if !headerSafe(token) {
		return "", 0, head, &contractError{"令牌（" + f.mapping.Auth.Token.Label() + "）缺失或不是可用的文本"}
	}
	lifetime := f.mapping.Auth.Lifetime
	if v, err = d.value(f.tokenPlan.expires); err != nil {
		return "", 0, head, err
	}
	if seconds, ok := integer(v); ok && seconds > 0 && seconds < math.MaxInt64/int64(time.Second) {
		lifetime = time.Duration(seconds) * time.Second
	}
	return token, lifetime, head, nil
}

// headerSafe reports whether the token can be sent in a header.
func headerSafe(token string) bool {
	for _, c := range []byte(token) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return token != "" && len(token) <= 8<<10
}

// decodeList reads one page of the task list. An entry that is not a valid task
// costs only itself. What is wrong with the list does not count where the
// source refused.
func (f *format) decodeList(ctx context.Context, body []byte) (out listAnswer, head envelope, err error) {
	err = mending(body, func(body []byte) error {
		out, head, err = f.listIn(ctx, body)
		return err
	})
	return out, head, err
}

func (f *format) listIn(ctx context.Context, body []byte) (listAnswer, envelope, error) {
	ctx, cancel := context.WithTimeout(ctx, longestRun)
	defer cancel()
	d := f.decoder(ctx, body, f.listPlan)
	d.entries.start(f.entryPlan)
	if err := d.skim(f.listPlan); err != nil {
		return *d.out, envelope{}, err
	}
	head, err := d.head(f.listPlan)
	if err != nil || !head.ok {
		return *d.out, head, err
	}
	if err := d.late(f.listPlan); err != nil {
		return *d.out, head, err
	}
	if !d.found {
		d.breach("缺少任务列表（" + f.mapping.List.Items.Label() + "）")
	}
	if d.contract != nil {
		return *d.out, head, d.contract
	}
	return *d.out, head, nil
}
