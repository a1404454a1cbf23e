package guanke

import (
	"bytes"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"tasksync/guanke/mapping"
	"tasksync/task"
)

// entry is one entry of the list: a task, or a problem.
type entry struct {
	task task.Task
	// created is the creation time in microseconds; 0 if there is none.
	created   int64
	packageID string
	// raw is the entry's own text, within the body.
	raw     []byte
	problem string
}

// fail keeps the first problem.
func (e *entry) fail(problem string) {
	if e.problem == "" {
		e.problem = problem
	}
}

// entryState is what the entries of one answer share.
type entryState struct {
	guesses guesses
	slots   []jsontext.Value
	left    leftovers
}

func (s *entryState) start(p *entryPlan) {
	s.guesses, s.slots = make(guesses, p.nodes), make([]jsontext.Value, p.slots)
}

// readEntries reads the list.
func (d *decoder) readEntries() error {
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	out := d.out
	out.tasks, out.rejects, out.beyond = nil, nil, 0
	for d.PeekKind() != ']' {
		if len(out.tasks)+len(out.rejects) > maxEntries {
			out.beyond++
			if err := d.SkipValue(); err != nil {
				return err
			}
			continue
		}
		var e entry
		if err := d.readEntry(&e); err != nil {
			return err
		}
		if e.problem != "" {
			out.rejects = append(out.rejects, e.reject())
			continue
		}
		if out.tasks == nil {
			// As many as would follow if all were like the first.
			out.tasks = make([]task.Task, 0, min(MaxPageSize, len(d.body)/(len(e.raw)+1)+1))
		}
		e.task.CreatedAt = time.UnixMicro(e.created).In(d.zone)
		out.tasks = append(out.tasks, e.task)
	}
	_, err := d.ReadToken()
	return err
}

func (d *decoder) readEntry(e *entry) error {
	if d.PeekKind() != '{' {
		v, err := d.ReadValue()
		e.raw = v
		e.fail("条目不是 JSON 对象")
		return err
	}
	s := &d.entries
	clear(s.slots)
	s.left.reset()
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	start := d.InputOffset() - 1
	if err := d.members(d.entryPlan.root, e); err != nil {
		return err
	}
	e.raw = d.body[start:d.InputOffset()]
	if d.entryPlan.hasLater {
		if err := d.later(e); err != nil {
			return err
		}
	}
	if e.task.PackageRef == "" && e.packageID != "0" {
		e.task.PackageRef = e.packageID
	}
	d.check(e)
	if e.problem == "" {
		e.task.Attributes = s.left.attributes()
	}
	return nil
}

// members reads the members of an object whose brace was read, and its other
// brace.
func (d *decoder) members(n *node, e *entry) error {
	s := &d.entries
	known := s.guesses[n.no]
	for i := 0; d.PeekKind() != '}'; i++ {
		name, err := d.ReadValue()
		if err != nil {
			return err
		}
		// The name is compared as it stands in the body, which saves a string
		// for each.
		var child *node
		if i < len(known) && string(known[i].name) == string(name) {
			name, child = known[i].name, known[i].next
		} else {
			name = d.stable(name)
			child = s.guesses.learn(n, i, name)
			known = s.guesses[n.no]
		}
		if child != nil && child.reads && d.PeekKind() == '{' {
			if err := d.inner(child, e, name); err != nil {
				return err
			}
			continue
		}
		v, err := d.ReadValue()
		if err != nil {
			return err
		}
		switch {
		case child == nil, !child.used:
			s.left.add(name, d.stable(v))
		case child.field != noField:
			d.take(e, child.field, v)
		}
		if child != nil && child.slots != nil {
			for _, slot := range child.slots {
				s.slots[slot] = d.stable(v)
			}
		}
	}
	_, err := d.ReadToken()
	return err
}

// inner reads an object within the entry.
func (d *decoder) inner(n *node, e *entry, name []byte) error {
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	d.entries.left.enter(name, n.used)
	err := d.members(n, e)
	d.entries.left.leave()
	return err
}

// later takes the fields that are known only now.
func (d *decoder) later(e *entry) error {
	var whole any
	if d.entryPlan.runs {
		var err error
		if whole, err = decodeValue(e.raw); errors.Is(err, errTooDeep) {
			e.fail("条目嵌套太深")
			return nil
		} else if err != nil {
			return err
		}
	}
	for f, s := range d.entryPlan.later {
		switch {
		case s == nil:
			continue
		case s.slots != nil:
			if v := s.pick(d.entries.slots); v != nil {
				d.take(e, mapping.Field(f), v)
			}
			continue
		}
		out, err := s.expr.Eval(d.ctx, whole)
		switch {
		case err != nil && d.ctx.Err() != nil:
			return d.slow()
		case err != nil:
			e.fail(mapping.FieldKeys[f] + " 的表达式 " + d.labels[f] + " 算不出来：" + brief(err))
		case out != nil:
			v := encodeValue(nil, out)
			if !utf8.Valid(v) || bytes.Contains(v, []byte("�")) && hasLoneSurrogate(e.raw) {
				e.fail(d.labels[f] + " 不是有效的 UTF-8 文本")
			}
			d.take(e, mapping.Field(f), v)
		}
	}
	return nil
}

// check looks at what no single field can tell.
func (d *decoder) check(e *entry) {
	if !utf8.Valid(e.raw) {
		e.problem = "条目不是有效的 UTF-8 文本"
	}
	switch {
	case e.problem != "":
	case e.task.ID == "":
		e.fail("缺少任务编号（" + d.labels[mapping.FieldID] + "）")
	case e.task.Name == "":
		e.fail("缺少任务名称（" + d.labels[mapping.FieldName] + "）")
	case e.created == 0:
		e.fail("缺少创建时间（" + d.labels[mapping.FieldCreatedAt] + "）")
	}
}

// reject is the entry as one that was refused. Its id and name are made fit to
// be stored and shown.
func (e *entry) reject() task.Reject {
	const keep = 64 << 10
	return task.Reject{
		TaskID:   cut(e.task.ID, task.MaxIDLength),
		TaskName: cut(e.task.Name, task.MaxNameLength),
		Reason:   e.problem,
		Payload:  bytes.Clone(e.raw[:min(len(e.raw), keep)]),
	}
}

func cut(s string, limit int) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "�"), "\x00", "�")
	if utf8.RuneCountInString(s) > limit {
		s = string([]rune(s)[:limit])
	}
	return s
}
