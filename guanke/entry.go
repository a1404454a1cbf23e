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

	"tasksync/task"
)

type field int

// The fields of a task that have a meaning here. Their names, and that a task
// may name its package, are assumed (spec/domain.md).
const (
	fieldOther field = iota
	fieldID
	fieldName
	fieldState
	fieldTotal
	fieldCalled
	fieldConnected
	fieldSucceeded
	fieldCreated
	fieldPackageCode
	fieldPackageID
)

// fieldOf takes the name with its quotes.
func fieldOf(name jsontext.Value) field {
	switch string(name) {
	case `"id"`:
		return fieldID
	case `"taskName"`:
		return fieldName
	case `"state"`:
		return fieldState
	case `"totalNumber"`:
		return fieldTotal
	case `"callNumber"`:
		return fieldCalled
	case `"connectNumber"`:
		return fieldConnected
	case `"successNumber"`:
		return fieldSucceeded
	case `"createTime"`:
		return fieldCreated
	case `"packageCode"`:
		return fieldPackageCode
	case `"packageId"`:
		return fieldPackageID
	}
	return fieldOther
}

// A creation time outside these years is absurd: most likely another unit.
var (
	earliest = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	latest   = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
)

// entry is one entry of the list: a task, or a problem.
type entry struct {
	task    task.Task
	created int64
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

func (d *decoder) entry() (entry, error) {
	var e entry
	if d.PeekKind() != '{' {
		v, err := d.ReadValue()
		e.raw = v
		e.fail("条目不是 JSON 对象")
		return e, err
	}
	if _, err := d.ReadToken(); err != nil {
		return e, err
	}
	start := d.InputOffset() - 1
	var packageID string
	for d.PeekKind() != '}' {
		v, err := d.ReadValue()
		if err != nil {
			return e, err
		}
		// The name is compared before the next read overwrites it, which saves
		// a string for each.
		field := fieldOf(v)
		if v, err = d.ReadValue(); err != nil {
			return e, err
		}
		switch field {
		case fieldID:
			e.id(v)
		case fieldName:
			e.name(v)
		case fieldState:
			e.task.State = e.label("state", v)
		case fieldTotal:
			e.task.Total = e.count("totalNumber", v)
		case fieldCalled:
			e.task.Called = e.count("callNumber", v)
		case fieldConnected:
			e.task.Connected = e.count("connectNumber", v)
		case fieldSucceeded:
			e.task.Succeeded = e.count("successNumber", v)
		case fieldCreated:
			e.createdAt(v)
		case fieldPackageCode:
			e.task.PackageRef = e.label("packageCode", v)
		case fieldPackageID:
			packageID = e.label("packageId", v)
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return e, err
	}
	e.raw = d.body[start:d.InputOffset()]
	if e.task.PackageRef == "" && packageID != "0" {
		e.task.PackageRef = packageID
	}
	e.check()
	return e, nil
}

// check looks at what no single field can tell.
func (e *entry) check() {
	if !utf8.Valid(e.raw) {
		e.problem = "条目不是有效的 UTF-8 文本"
	}
	switch {
	case e.problem != "":
	case e.task.ID == "":
		e.fail("缺少任务编号（id）")
	case e.task.Name == "":
		e.fail("缺少任务名称（taskName）")
	case e.created == 0:
		e.fail("缺少创建时间（createTime）")
	}
}

// reject is the entry as one that was refused. Its id and name are made fit to
// be stored and shown.
func (e *entry) reject() task.Reject {
	const keep = 64 << 10
	return task.Reject{
		TaskID:   storable(e.task.ID, task.MaxIDLength),
		TaskName: storable(e.task.Name, task.MaxNameLength),
		Reason:   e.problem,
		Payload:  bytes.Clone(e.raw[:min(len(e.raw), keep)]),
	}
}

func storable(s string, limit int) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "�"), "\x00", "�")
	if utf8.RuneCountInString(s) > limit {
		s = string([]rune(s)[:limit])
	}
	return s
}

// id keeps a number digit by digit, however long it is.
func (e *entry) id(v jsontext.Value) {
	switch v.Kind() {
	case 'n':
		return
	case '0':
		if bytes.ContainsAny(v, ".eE") {
			e.fail("任务编号（id）不是整数")
		}
		e.task.ID = string(v)
	case '"':
		e.task.ID = e.text("任务编号（id）", v, task.MaxIDLength)
	default:
		e.fail("任务编号（id）的类型不对，应为整数或文本")
	}
	if len(e.task.ID) > task.MaxIDLength && utf8.RuneCountInString(e.task.ID) > task.MaxIDLength {
		e.fail(fmt.Sprintf("任务编号（id）超过 %d 个字符", task.MaxIDLength))
	}
}

func (e *entry) name(v jsontext.Value) {
	switch v.Kind() {
	case 'n':
	case '"':
		e.task.Name = e.text("任务名称（taskName）", v, task.MaxNameLength)
	default:
		e.fail("任务名称（taskName）的类型不对，应为文本")
	}
}

// label reads a short word that may be a number; null is "".
func (e *entry) label(name string, v jsontext.Value) string {
	switch v.Kind() {
	case 'n':
		return ""
	case '0':
		return string(v)
	case '"':
		return e.text(name, v, task.MaxNameLength)
	}
	e.fail(name + " 的类型不对，应为文本或数")
	return ""
}

// count reads a number of calls; null and an empty text are 0.
func (e *entry) count(name string, v jsontext.Value) int64 {
	if v.Kind() == 'n' || string(v) == `""` {
		return 0
	}
	n, ok := integer(v)
	switch {
	case !ok:
		e.fail(name + " 不是整数")
	case n < 0:
		e.fail(name + " 小于 0")
	}
	return n
}

func (e *entry) createdAt(v jsontext.Value) {
	if v.Kind() == 'n' {
		return
	}
	seconds, ok := integer(v)
	switch {
	case !ok:
		e.fail("创建时间（createTime）不是整数，应为 1970 年以来的秒数")
	case seconds < earliest || seconds >= latest:
		e.fail("创建时间（createTime）不在 2000 年到 2100 年之间，应为 1970 年以来的秒数")
	default:
		e.created = seconds
	}
}

// text reads a text of at most limit characters; one of spaces only is "".
func (e *entry) text(name string, v jsontext.Value, limit int) string {
	s, err := text(v)
	switch {
	case err != nil:
		e.fail(name + " 不是有效的 UTF-8 文本")
	case strings.IndexByte(s, 0) >= 0:
		e.fail(name + " 含有空字符（NUL）")
	case len(s) > limit && utf8.RuneCountInString(s) > limit:
		e.fail(fmt.Sprintf("%s 超过 %d 个字符", name, limit))
	case strings.TrimSpace(s) == "":
		return ""
	}
	return s
}

// text unquotes a JSON string. What is not UTF-8 is replaced and reported.
func text(v jsontext.Value) (string, error) {
	if inner := v[1 : len(v)-1]; bytes.IndexByte(inner, '\\') < 0 {
		return string(inner), nil // The whole entry is checked for UTF-8 at once.
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
	if n, err := strconv.ParseInt(string(s), 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(string(s), 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, false
	}
	return int64(f), true
}
