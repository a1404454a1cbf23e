package guanke

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"tasksync/guanke/mapping"
	"tasksync/task"
)

// A creation time outside these years, here in microseconds, is absurd: most
// likely another unit.
var (
	earliest = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	latest   = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
)

// take reads one field of the entry.
func (d *decoder) take(e *entry, f mapping.Field, v jsontext.Value) {
	switch f {
	case mapping.FieldID:
		e.id(d.labels[f], v)
	case mapping.FieldName:
		e.name(d.labels[f], v)
	case mapping.FieldState:
		e.task.State = e.label(d.labels[f], v)
		if d.mapping.States != nil {
			if word, ok := d.mapping.States[e.task.State]; ok {
				e.task.State = word
			}
		}
	case mapping.FieldTotal:
		e.task.Total = e.count(d.labels[f], v)
	case mapping.FieldCalled:
		e.task.Called = e.count(d.labels[f], v)
	case mapping.FieldConnected:
		e.task.Connected = e.count(d.labels[f], v)
	case mapping.FieldSucceeded:
		e.task.Succeeded = e.count(d.labels[f], v)
	case mapping.FieldCreatedAt:
		d.createdAt(e, v)
	case mapping.FieldPackageCode:
		e.task.PackageRef = e.label(d.labels[f], v)
	case mapping.FieldPackageID:
		e.packageID = e.label(d.labels[f], v)
	}
}

// id keeps a number digit by digit, however long it is.
func (e *entry) id(label string, v jsontext.Value) {
	switch v.Kind() {
	case 'n':
		return
	case '0':
		if _, plain := digits(v); !plain && bytes.ContainsAny(v, ".eE") {
			e.fail("任务编号（" + label + "）不是整数")
		}
		e.task.ID = string(v)
	case '"':
		e.task.ID = e.text("任务编号（", label, "）", v, task.MaxIDLength)
	default:
		e.fail("任务编号（" + label + "）的类型不对，应为整数或文本")
	}
	if len(e.task.ID) > task.MaxIDLength && utf8.RuneCountInString(e.task.ID) > task.MaxIDLength {
		e.fail(fmt.Sprintf("任务编号（%s）超过 %d 个字符", label, task.MaxIDLength))
	}
}

func (e *entry) name(label string, v jsontext.Value) {
	switch v.Kind() {
	case 'n':
	case '"':
		e.task.Name = e.text("任务名称（", label, "）", v, task.MaxNameLength)
	default:
		e.fail("任务名称（" + label + "）的类型不对，应为文本")
	}
}

// label reads a short word that may be a number; null is "".
func (e *entry) label(label string, v jsontext.Value) string {
	switch v.Kind() {
	case 'n':
		return ""
	case '0':
		return string(v)
	case '"':
		return e.text("", label, "", v, task.MaxNameLength)
	}
	e.fail(label + " 的类型不对，应为文本或数")
	return ""
}

// count reads a number of calls; null and an empty text are 0.
func (e *entry) count(label string, v jsontext.Value) int64 {
	if v.Kind() == 'n' || string(v) == `""` {
		return 0
	}
	n, ok := integer(v)
	switch {
	case !ok:
		e.fail(label + " 不是整数")
	case n < 0:
		e.fail(label + " 小于 0")
	}
	return n
}

func (d *decoder) createdAt(e *entry, v jsontext.Value) {
	format, label := &d.mapping.Created, d.labels[mapping.FieldCreatedAt]
	if v.Kind() == 'n' {
		return
	}
	var micros int64
	if format.Number() {
		n, ok := integer(v)
		if !ok {
			e.fail(fmt.Sprintf("创建时间（%s）不是整数，应为 %s", label, format))
			return
		}
		micros = min(max(n, -1<<42), 1<<42) * d.unit
	} else {
		var t time.Time
		s, ok := unquoted(v)
		if ok && v.Kind() == '"' && strings.TrimSpace(s) == "" {
			return
		}
		if ok {
			t, ok = format.Parse(s, d.zone)
		}
		if !ok || v.Kind() != '"' {
			e.fail(fmt.Sprintf("创建时间（%s）的写法不对，应为%s", label, format))
			return
		}
		micros = t.UnixMicro()
	}
	if micros < earliest || micros >= latest {
		e.fail(fmt.Sprintf("创建时间（%s）不在 2000 年到 2100 年之间，应为 %s", label, format))
		return
	}
	e.created = micros
}

// text reads a text of at most limit characters; one of spaces only is "". The
// name of the field is before, label and after.
func (e *entry) text(before, label, after string, v jsontext.Value, limit int) string {
	s, err := text(v)
	switch {
	case err != nil:
		e.fail(before + label + after + " 不是有效的 UTF-8 文本")
	case strings.IndexByte(s, 0) >= 0:
		e.fail(before + label + after + " 含有空字符（NUL）")
	case len(s) > limit && utf8.RuneCountInString(s) > limit:
		e.fail(fmt.Sprintf("%s%s%s 超过 %d 个字符", before, label, after, limit))
	case strings.TrimSpace(s) == "":
		return ""
	}
	return s
}

// text unquotes a JSON string. What is not UTF-8 is replaced and reported; in a
// text without escapes it stays, since whole entries are checked for UTF-8 at
// once.
func text(v jsontext.Value) (string, error) {
	if inner := v[1 : len(v)-1]; bytes.IndexByte(inner, '\\') < 0 {
		return string(inner), nil
	}
	out, err := jsontext.AppendUnquote(nil, v)
	return string(out), err
}

// integer reads a whole number, also one that is written as text or with a
// fraction of zeros.
func integer(v jsontext.Value) (int64, bool) {
	s := v
	switch v.Kind() {
	case '0':
	case '"':
		s = bytes.TrimSpace(v[1 : len(v)-1])
	default:
		return 0, false
	}
	if n, ok := digits(s); ok {
		return n, true
	}
	if n, err := strconv.ParseInt(string(s), 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(string(s), 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, false
	}
	return int64(f), true
}

// digits reads a number of at most 18 digits and nothing else.
func digits(s []byte) (n int64, ok bool) {
	if len(s) == 0 || len(s) > 18 {
		return 0, false
	}
	for _, c := range s {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int64(c-'0')
	}
	return n, true
}

func formatInt(n int64) string { return strconv.FormatInt(n, 10) }
