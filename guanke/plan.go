package guanke

import (
	"tasksync/guanke/mapping"
)

// A plan says, for each place in a JSON value, what reads it there, so that
// one pass over the value finds everything. It is made once and then shared.
type plan struct {
	root *node
	// nodes counts the nodes, each of which has a number.
	nodes int
	// slots counts the values that are kept until the whole value was read.
	slots int
}

// node is one place that expressions name.
type node struct {
	no       int
	children map[string]*node
	// slots keep the value.
	slots []int
	// field takes the value at once; noField if none does.
	field mapping.Field
	// items is the list of entries.
	items bool
	// used is a value that is not left over.
	used bool
	// reads is an object with members to be read or kept one by one.
	reads bool
}

const noField mapping.Field = -1

func newPlan() *plan {
	p := &plan{}
	p.root = p.node()
	return p
}

func (p *plan) node() *node {
	n := &node{no: p.nodes, field: noField}
	p.nodes++
	return n
}

// at is the node of a path, which it makes.
func (p *plan) at(path mapping.Path) *node {
	n := p.root
	for _, name := range path {
		next := n.children[name]
		if next == nil {
			next = p.node()
			if n.children == nil {
				n.children = make(map[string]*node)
			}
			n.children[name] = next
		}
		n = next
	}
	return n
}

// source finds the value of one expression: in slots, or by running it.
type source struct {
	expr *mapping.Expr
	// slots are its alternatives; nil if it must be run.
	slots []int
}

// source plans the reading of e, which may be nil. alone is false for an
// expression that must be run because its place holds others.
func (p *plan) source(e *mapping.Expr, alone bool) *source {
	if e == nil {
		return nil
	}
	s := &source{expr: e}
	if !e.Simple() || !alone {
		return s
	}
	for _, path := range e.Paths {
		n := p.at(path)
		n.slots = append(n.slots, p.slots)
		s.slots = append(s.slots, p.slots)
		p.slots++
	}
	return s
}

// alone reports for each expression whether none of its paths goes through, or
// is gone through by, a path of another or one of its own alternatives: then
// one pass can read all of them.
func alone(exprs []*mapping.Expr) []bool {
	out := make([]bool, len(exprs))
	for i, e := range exprs {
		if e == nil || !e.Simple() {
			continue
		}
		out[i] = true
		for j, other := range exprs {
			if other == nil {
				continue
			}
			for _, p := range e.Paths {
				for _, q := range other.Paths {
					if within(p, q) && (len(p) != len(q)) || len(p) == 0 && i != j {
						out[i] = false
					}
				}
			}
		}
	}
	return out
}

// within reports whether one of the paths begins with the other.
func within(p, q mapping.Path) bool {
	for i := range min(len(p), len(q)) {
		if p[i] != q[i] {
			return false
		}
	}
	return true
}

// answerPlan reads the answer to one kind of request.
type answerPlan struct {
	*plan
	envelope *mapping.Envelope

	success, code, message, total, more, next, token, expires, items *source
}

// newAnswerPlan plans the answers of the list, or of the token's request.
func newAnswerPlan(m *mapping.Mapping, forToken bool) *answerPlan {
	a := &answerPlan{plan: newPlan(), envelope: &m.Envelope}
	into := []**source{&a.success, &a.code, &a.message}
	if forToken {
		a.envelope = &m.Auth.Envelope
	}
	e := a.envelope
	exprs := []*mapping.Expr{e.Success, e.Code, e.Message}
	if forToken {
		into = append(into, &a.token, &a.expires)
		exprs = append(exprs, m.Auth.Token, m.Auth.ExpiresIn)
	} else {
		p := &m.List.Paging
		into = append(into, &a.total, &a.more, &a.next, &a.items)
		exprs = append(exprs, p.Total, p.HasMore, p.Next, m.List.Items)
	}
	free := alone(exprs)
	for i, expr := range exprs {
		// The list is read where it stands if it has only one place.
		if !forToken && expr == m.List.Items && len(expr.Paths) == 1 && free[i] && len(a.at(expr.Paths[0]).slots) == 0 {
			a.at(expr.Paths[0]).items = true
			continue
		}
		*into[i] = a.source(expr, free[i])
	}
	return a
}

// entryPlan reads one entry of the list.
type entryPlan struct {
	*plan
	// later are the fields that are known only when the whole entry was read.
	later [mapping.FieldCount]*source
	// hasLater and runs say whether there are any, and any that must be run.
	hasLater, runs bool
}

func newEntryPlan(m *mapping.Mapping) *entryPlan {
	p := &entryPlan{plan: newPlan()}
	free := alone(m.Fields[:])
	for f, e := range m.Fields {
		if e == nil {
			continue
		}
		for _, path := range e.Consumes {
			p.at(path).used = true
		}
		if free[f] && len(e.Paths) == 1 && p.at(e.Paths[0]).field == noField && len(e.Paths[0]) > 0 {
			p.at(e.Paths[0]).field = mapping.Field(f)
			continue
		}
		p.later[f] = p.source(e, free[f])
		p.hasLater = true
		p.runs = p.runs || p.later[f].slots == nil
	}
	for _, path := range m.Ignore {
		p.at(path).used = true
	}
	p.root.settle()
	return p
}

// settle finds the objects whose members are looked at: where one is read, or
// one is not to be kept while the others are. It reports whether anything in n
// is read.
func (n *node) settle() bool {
	inside := false
	for _, child := range n.children {
		inside = child.settle() || inside
	}
	mine := n.field != noField || len(n.slots) > 0
	n.reads = !mine && len(n.children) > 0 && (inside || !n.used)
	return mine || inside
}
