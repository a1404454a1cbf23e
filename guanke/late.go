package guanke

import (
	"context"
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"tasksync/task"
)

// keep puts the value that was just read, which ends at the current offset,
// into the slots of n.
func (d *decoder) keep(n *node, v jsontext.Value) {
	v = d.stable(v)
	for _, slot := range n.slots {
		d.slots[slot] = v
	}
}

// value is what the source of an expression found; nil for none. It must not
// be asked before the answer was skimmed.
func (d *decoder) value(s *source) (jsontext.Value, error) {
	switch {
	case s == nil:
		return nil, nil
	case s.slots != nil:
		return s.pick(d.slots), nil
	case !d.decoded:
		whole, err := decodeValue(d.body)
		if err != nil {
			return nil, &contractError{"嵌套太深"}
		}
		d.whole, d.decoded = whole, true
	}
	out, err := s.expr.Eval(d.ctx, d.whole)
	switch {
	case err != nil && d.ctx.Err() != nil:
		return nil, d.slow()
	case err != nil:
		return nil, &contractError{"映射的表达式 " + s.expr.Text + " 算不出来：" + brief(err)}
	case out == nil:
		return nil, nil
	}
	return encodeValue(nil, out), nil
}

// slow is the error of expressions that did not end in time.
func (d *decoder) slow() error {
	if err := d.ctx.Err(); !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &contractError{"映射的表达式在 " + longestRun.String() + " 内没有算完"}
}

// brief is the first 200 characters of an error.
func brief(err error) string {
	r := []rune(storableText(err.Error()))
	if len(r) > 200 {
		r = append(r[:200], '…')
	}
	return string(r)
}

// pick is the first of the alternatives that is neither absent nor null nor
// false, as with jq's //; otherwise the last.
func (s *source) pick(slots []jsontext.Value) jsontext.Value {
	var v jsontext.Value
	for _, slot := range s.slots {
		v = slots[slot]
		if v != nil && v.Kind() != 'n' && v.Kind() != 'f' {
			break
		}
	}
	return v
}

// late reads what stands beside the list, and a list that could not be read
// where it stands.
func (d *decoder) late(p *answerPlan) error {
	if p.items != nil {
		v, err := d.value(p.items)
		if err != nil {
			return err
		}
		if v != nil {
			inner := d.decoder(d.ctx, v, p)
			inner.entries.start(d.entryPlan)
			if err := inner.list(inner.PeekKind()); err != nil {
				return err
			}
			d.out.tasks, d.out.rejects, d.out.beyond, d.found = inner.out.tasks, inner.out.rejects, inner.out.beyond, true
			if inner.contract != nil {
				d.breach(inner.contract.reason)
			}
		}
	}
	v, err := d.value(p.total)
	if err != nil {
		return err
	}
	d.total(v)
	if v, err = d.value(p.more); err != nil {
		return err
	}
	d.more(v)
	if v, err = d.value(p.next); err != nil {
		return err
	}
	d.next(v)
	return nil
}

func (d *decoder) total(v jsontext.Value) {
	if v == nil || v.Kind() == 'n' {
		return
	}
	n, ok := integer(v)
	if !ok || n < 0 || n > math.MaxInt32 {
		d.breach("总数（" + d.mapping.List.Paging.Total.Label() + "）不是有效的整数")
		return
	}
	total := int(n)
	d.out.total = &total
}

// totalIn reads a total out of a header: a number, or what follows the slash of
// a Content-Range. It is nil where the source does not say.
func totalIn(value, name string) (*int, error) {
	value = strings.TrimSpace(value[strings.LastIndexByte(value, '/')+1:])
	if value == "" || value == "*" {
		return nil, nil
	}
	total, err := strconv.Atoi(value)
	if err != nil || total < 0 || total > math.MaxInt32 {
		return nil, task.Errorf(task.CodeSourceContract, "冠客接口的响应头 %s 不是有效的总数，请检查映射文件里的 list.paging.total_header", name)
	}
	return &total, nil
}

func (d *decoder) more(v jsontext.Value) {
	if v == nil || v.Kind() == 'n' {
		return
	}
	var more bool
	s, _ := unquoted(v)
	switch s {
	case "true", "1":
		more = true
	case "false", "0", "":
	default:
		d.breach("是否还有下一页（" + d.mapping.List.Paging.HasMore.Label() + "）不是 true 或 false")
	}
	d.out.more = &more
}

// longestNext bounds a cursor or a link of the source, in bytes.
const longestNext = 4 << 10

func (d *decoder) next(v jsontext.Value) {
	if d.mapping.List.Paging.Next == nil {
		return
	}
	label := d.mapping.List.Paging.Next.Label()
	switch v.Kind() {
	case '"', '0':
		next, ok := unquoted(v)
		if !ok || len(next) > longestNext {
			d.breach("下一页的游标（" + label + "）不是可用的文本，或超过 4096 个字节")
			return
		}
		d.out.next = next
	case 'n', 'f', 0:
	default:
		d.breach("下一页的游标（" + label + "）应为文本或数")
	}
}

// unquoted is a scalar as text; false if it is no valid text.
func unquoted(v jsontext.Value) (string, bool) {
	if v.Kind() != '"' {
		return string(v), true
	}
	s, err := text(v)
	return s, err == nil
}
