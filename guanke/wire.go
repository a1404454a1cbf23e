package guanke

import (
	"bytes"
	"errors"
	"io"
	"math"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"tasksync/task"
)

// This file and entry.go, for one task, alone know how the source writes its
// answers. They are read in one pass over the tokens: the decoder is the
// hottest code of a worker.

// envelope is what every answer begins with.
type envelope struct {
	code    int64
	message string
}

// listAnswer is one page of the task list.
type listAnswer struct {
	tasks   []task.Task
	rejects []task.Reject
	// total is how many tasks the source has for the query; nil if it does
	// not say.
	total   *int
	askedAt time.Time
}

func (a *listAnswer) entries() int { return len(a.tasks) + len(a.rejects) }

// contractError is valid JSON that is not what the contract promises.
type contractError struct{ reason string }

func (e *contractError) Error() string { return e.reason }

// decodeHead reads the envelope and passes over the data.
func decodeHead(body []byte) (envelope, error) {
	return decodeEnvelope(body, func(d *decoder) error { return d.SkipValue() })
}

// decodeToken reads the answer of a token endpoint.
func decodeToken(body []byte) (string, envelope, error) {
	var token string
	head, err := decodeEnvelope(body, func(d *decoder) error {
		return d.object(func(name string) error {
			if name != "token" {
				return d.SkipValue()
			}
			v, err := d.ReadValue()
			if err == nil && v.Kind() == '"' {
				token, _ = text(v)
			}
			return err
		})
	})
	if err == nil && head.code == 200 && !headerSafe(token) {
		err = &contractError{"令牌（token）缺失或不是可用的文本"}
	}
	return token, head, err
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
// costs only itself. Times are given in zone.
func decodeList(body []byte, zone *time.Location) (listAnswer, envelope, error) {
	var (
		out   listAnswer
		found bool
	)
	head, err := decodeEnvelope(body, func(d *decoder) error {
		return d.object(func(name string) error {
			switch name {
			case "data":
				found = true
				return d.entries(&out, zone)
			case "totalCount":
				v, err := d.ReadValue()
				if err != nil {
					return err
				}
				return d.total(&out, v)
			}
			return d.SkipValue()
		})
	})
	if err == nil && head.code == 200 && !found {
		err = &contractError{"缺少任务列表（data.data）"}
	}
	return out, head, err
}

// decodeEnvelope reads an answer whose data is read by data. What is wrong with
// the data does not count where the code says that the source refused. An answer
// that is no JSON is mended and read again, from its beginning.
func decodeEnvelope(body []byte, data func(*decoder) error) (envelope, error) {
	head, err := readEnvelope(body, data)
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		if better, changed := mended(body); changed {
			return readEnvelope(better, data)
		}
	}
	return head, err
}

func readEnvelope(body []byte, data func(*decoder) error) (envelope, error) {
	d := &decoder{body: body, Decoder: jsontext.NewDecoder(bytes.NewBuffer(body),
		jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))}
	var (
		head     envelope
		hasCode  bool
		contract *contractError
	)
	err := d.object(func(name string) error {
		switch name {
		case "code":
			v, err := d.ReadValue()
			if err != nil {
				return err
			}
			if head.code, hasCode = integer(v); !hasCode {
				return &contractError{"code 不是整数"}
			}
			return nil
		case "message":
			v, err := d.ReadValue()
			if err == nil && v.Kind() == '"' {
				head.message, _ = text(v)
			}
			return err
		case "data":
			err := data(d)
			if errors.As(err, &contract) {
				return nil
			}
			return err
		}
		return d.SkipValue()
	})
	if errors.Is(err, io.EOF) { // Nothing at all was sent.
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return head, err
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return head, errors.New("text after the answer")
	}
	switch {
	case !hasCode:
		return head, &contractError{"缺少 code"}
	case head.code == 200 && contract != nil:
		return head, contract
	}
	return head, nil
}

// decoder reads tokens of body.
type decoder struct {
	*jsontext.Decoder
	body []byte
}

// object reads an object and calls member with each name; member must read the
// value.
func (d *decoder) object(member func(name string) error) error {
	if kind := d.PeekKind(); kind != '{' {
		if err := d.SkipValue(); err != nil {
			return err
		}
		return &contractError{"应为 JSON 对象的地方不是对象"}
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	var contract *contractError
	for d.PeekKind() != '}' {
		v, err := d.ReadValue()
		if err != nil {
			return err
		}
		name, _ := text(v)
		if err := member(name); err != nil && !errors.As(err, &contract) {
			return err
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	if contract != nil {
		return contract
	}
	return nil
}

func (d *decoder) total(out *listAnswer, v jsontext.Value) error {
	out.total = nil
	if v.Kind() == 'n' {
		return nil
	}
	n, ok := integer(v)
	if !ok || n < 0 || n > math.MaxInt32 {
		return &contractError{"总数（totalCount）不是有效的整数"}
	}
	total := int(n)
	out.total = &total
	return nil
}

// entries reads the list; null is an empty one.
func (d *decoder) entries(out *listAnswer, zone *time.Location) error {
	switch d.PeekKind() {
	case 'n':
		return d.SkipValue()
	case '[':
	default:
		if err := d.SkipValue(); err != nil {
			return err
		}
		return &contractError{"任务列表（data.data）不是数组"}
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	out.tasks, out.rejects = nil, nil
	for d.PeekKind() != ']' {
		e, err := d.entry()
		if err != nil {
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
		e.task.CreatedAt = time.Unix(e.created, 0).In(zone)
		out.tasks = append(out.tasks, e.task)
	}
	_, err := d.ReadToken()
	return err
}
