package guanke

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

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
