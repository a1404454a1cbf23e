package guanke

import (
	"encoding/base64"
	"hash/fnv"
	"math"
	"strconv"
	"strings"

	"tasksync/task"
)

// maxEntries bounds the entries of an answer whose size we cannot ask for.
const maxEntries = 10_000

// cursor says which page comes next. It keeps the size of the pages, so that a
// reading that is taken up after the setting has changed skips nothing.
type cursor struct {
	span int
	// page counts from 1.
	page, size int
	// next is what the source gave for the page; "" for the first one and
	// where pages are counted.
	next string
	// seen finds a source that goes in circles.
	seen circle
}

// circle notices, by Brent's method, that what the source gives repeats,
// however long the circle is. It remembers one value and moves on to a newer
// one each time the number of steps has doubled.
type circle struct {
	hash         uint64
	steps, limit uint64
}

// step takes the next value; false if it closes a circle.
func (c circle) step(next string) (circle, bool) {
	h := fnv.New64a()
	_, _ = h.Write([]byte(next))
	sum := h.Sum64()
	if c.limit > 0 && sum == c.hash {
		return c, false
	}
	c.steps++
	if c.steps >= c.limit {
		c = circle{hash: sum, limit: max(1, 2*c.limit)}
	}
	return c, true
}

// text writes the cursor for the mapping with that fingerprint: fingerprint,
// span, page, size, and where the source gives a next one, that and the circle.
func (c cursor) text(fingerprint string) string {
	s := fingerprint
	for _, n := range [...]int{c.span, c.page, c.size} {
		s += "." + strconv.Itoa(n)
	}
	if c.next == "" {
		return s
	}
	for _, n := range [...]uint64{c.seen.hash, c.seen.steps, c.seen.limit} {
		s += "." + strconv.FormatUint(n, 16)
	}
	return s + "." + base64.RawURLEncoding.EncodeToString([]byte(c.next))
}

// parseCursor reads what text wrote; "" is the first page of the given size.
func (c *Client) parseCursor(s string, size, spans int) (cursor, error) {
	if s == "" {
		return cursor{page: 1, size: size}, nil
	}
	parts := strings.Split(s, ".")
	known := c.mapping.Fingerprint
	if parts[0] != known && len(parts[0]) == len(known) && len(parts) >= 4 {
		return cursor{}, task.Errorf(task.CodeInvalidArgument,
			"数据源映射在同步开始以后改过（TASKSYNC_SOURCE_MAPPING），不能接着读，请重新开始同步")
	}
	var at cursor
	ok := len(parts) == 4 || len(parts) == 8
	if ok {
		for i, into := range [...]*int{&at.span, &at.page, &at.size} {
			n, err := strconv.Atoi(parts[1+i])
			*into, ok = n, ok && err == nil
		}
	}
	if ok && len(parts) == 8 {
		for i, into := range [...]*uint64{&at.seen.hash, &at.seen.steps, &at.seen.limit} {
			n, err := strconv.ParseUint(parts[4+i], 16, 64)
			*into, ok = n, ok && err == nil
		}
		next, err := base64.RawURLEncoding.DecodeString(parts[7])
		at.next, ok = string(next), ok && err == nil
	}
	if !ok || at.text(known) != s || at.span < 0 || at.span >= spans ||
		at.page < 1 || at.page > math.MaxInt32 || at.size < 1 || at.size > maxEntries || !c.fits(at) {
		return cursor{}, task.Errorf(task.CodeInternal, "冠客分页游标 %.40q 无效，请重新开始同步", s)
	}
	return at, nil
}

// fits reports whether the cursor is one of the mapping's style.
func (c *Client) fits(at cursor) bool {
	if c.sized() && at.size > MaxPageSize {
		return false
	}
	return c.given() == (at.next != "") || at.page == 1 && at.next == ""
}
