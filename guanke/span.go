package guanke

import (
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"

	"tasksync/task"
)

// spanDays is the longest span that the source answers.
const spanDays = 7

// span is what one query asks for: whole seconds, both ends included.
type span struct{ first, last time.Time }

// spans cuts w. It is empty where no whole second lies in w.
func spans(w task.Window, zone *time.Location) []span {
	first, end := wholeSecond(w.From).In(zone), wholeSecond(w.To).In(zone)
	var out []span
	for first.Before(end) {
		// By the calendar: the source compares the times as they are written.
		next := first.AddDate(0, 0, spanDays)
		if next.After(end) {
			next = end
		}
		out = append(out, span{first: first, last: next.Add(-time.Second)})
		first = next
	}
	return out
}

// wholeSecond is the first whole second that is not before t.
func wholeSecond(t time.Time) time.Time {
	cut := t.Truncate(time.Second)
	if cut.Before(t) {
		return cut.Add(time.Second)
	}
	return cut
}

// cursor says which page comes next. It keeps the size of the pages, so that a
// reading that is taken up after the setting has changed skips nothing.
type cursor struct {
	span int
	// page counts from 1.
	page, size int
}

func (c cursor) String() string { return fmt.Sprintf("%d.%d.%d", c.span, c.page, c.size) }

// parseCursor reads what String wrote; "" is the first page of the given size.
func parseCursor(s string, size, spans int) (cursor, error) {
	if s == "" {
		return cursor{page: 1, size: size}, nil
	}
	var c cursor
	parts := strings.Split(s, ".")
	ok := len(parts) == 3
	if ok {
		for i, into := range [...]*int{&c.span, &c.page, &c.size} {
			n, err := strconv.Atoi(parts[i])
			*into, ok = n, ok && err == nil
		}
	}
	if !ok || c.String() != s || c.span < 0 || c.span >= spans ||
		c.page < 1 || c.page > math.MaxInt32 || c.size < 1 || c.size > MaxPageSize {
		return cursor{}, task.Errorf(task.CodeInternal, "冠客分页游标 %.40q 无效，请重新开始同步", s)
	}
	return c, nil
}

func (c *Client) query(s span, at cursor) url.Values {
	return url.Values{
		"page":      {strconv.Itoa(at.page)},
		"pageSize":  {strconv.Itoa(at.size)},
		"startTime": {s.first.In(c.zone).Format(time.DateTime)},
		"endTime":   {s.last.In(c.zone).Format(time.DateTime)},
	}
}
