package guanke

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"tasksync/guanke/mapping"
	"tasksync/task"
)

// This file and entry.go, for one task, read the answers of the source as the
// mapping describes them, in one pass over the tokens: the decoder is the
// hottest code of a worker.

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

// skim passes over the answer and keeps what the plan names.
func (d *decoder) skim(p *answerPlan) error {
	err := d.walk(p.root)
	if errors.Is(err, io.EOF) { // Nothing at all was sent.
		return io.ErrUnexpectedEOF
	}
	if err != nil {
		return err
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return errAfterAnswer
	}
	return nil
}

// walk reads the value that stands at n.
func (d *decoder) walk(n *node) error {
	kind := d.PeekKind()
	switch {
	case n.items && !d.headOnly:
		return d.list(kind)
	case len(n.slots) > 0:
		v, err := d.ReadValue()
		if err == nil {
			d.keep(n, v)
		}
		return err
	case kind != '{' || n.children == nil:
		return d.SkipValue()
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadValue()
		if err != nil {
			return err
		}
		child := n.child(name)
		if child == nil {
			err = d.SkipValue()
		} else {
			err = d.walk(child)
		}
		if err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

// stable is v, the value that was just read, as a part of the body, which the
// next read does not touch.
func (d *decoder) stable(v jsontext.Value) jsontext.Value {
	end := d.InputOffset()
	return d.body[end-int64(len(v)) : end]
}

// guesses remember, for each node, the names that came in each position: the
// objects of a list mostly have the same members in the same order.
type guesses [][]guess

type guess struct {
	name []byte
	next *node
}

// learn is the node of a member, the i-th of an object at n, which it
// remembers; nil if nobody wants it. The name is given as it stands in the
// body, with its quotes.
func (g guesses) learn(n *node, i int, name []byte) *node {
	const most = 64
	known, next := g[n.no], n.child(name)
	switch {
	case i < len(known):
		known[i] = guess{name, next}
	case i == len(known) && i < most:
		g[n.no] = append(known, guess{name, next})
	}
	return next
}

func (n *node) child(name jsontext.Value) *node {
	if inner := name[1 : len(name)-1]; bytes.IndexByte(inner, '\\') < 0 {
		return n.children[string(inner)]
	}
	s, _ := text(name)
	return n.children[s]
}

// list reads the entries; null is an empty list.
func (d *decoder) list(kind jsontext.Kind) error {
	d.found = true
	switch kind {
	case 'n':
		return d.SkipValue()
	case '[':
		return d.readEntries()
	}
	d.breach("任务列表（" + d.mapping.List.Items.Label() + "）不是数组；逐条给出的表达式要放进方括号，例如 [.data[].task]")
	return d.SkipValue()
}

// head says what the envelope of an answer that was skimmed says.
func (d *decoder) head(p *answerPlan) (envelope, error) {
	var head envelope
	message, err := d.value(p.message)
	if err != nil {
		return head, err
	}
	if message.Kind() == '"' {
		head.message, _ = text(message)
	}
	code, err := d.value(p.code)
	if err != nil {
		return head, err
	}
	set := p.envelope.Codes.Success
	deciding := p.success == nil && p.code != nil && !set.Empty()
	n, isNumber := integer(code)
	switch {
	case isNumber:
		head.code = formatInt(n)
	case deciding && code == nil:
		return head, &contractError{"缺少 " + p.code.expr.Label()}
	case deciding && set.Numbers():
		return head, &contractError{p.code.expr.Label() + " 不是整数"}
	case code.Kind() == '"':
		head.code, _ = text(code)
	case code != nil:
		head.code = string(code)
	}
	if isNumber && code.Kind() == '"' && !set.Has(head.code) {
		// 0000 may be meant as it is written.
		head.code, _ = text(code)
		head.code = strings.TrimSpace(head.code)
	}
	if p.success == nil {
		head.ok = !deciding || set.Has(head.code)
		return head, nil
	}
	v, err := d.value(p.success)
	switch v.Kind() {
	case 't', 'f', 'n', 0:
		head.ok = v.Kind() == 't'
	default:
		e := p.success.expr
		return head, &contractError{fmt.Sprintf("%s 不是 true 或 false，请把映射里的 success 写成比较，例如 %s == 1", e.Label(), e.Text)}
	}
	return head, err
}
