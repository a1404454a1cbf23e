package db

import (
	"encoding/binary"
	"errors"
	"time"

	"tasksync/task"
)

// A claim's rows are kept in a format of their own, which costs a third of
// gob's time and none of its memory: every number as a varint, every text after
// its length. A claim lives as long as its run, so the format may change with
// the code; claimFormat then changes too.
const claimFormat = 1

func appendClaim(b []byte, c *task.ClaimedRows) []byte {
	b = append(b, claimFormat)
	b = binary.AppendVarint(b, int64(c.NewBatches))
	b = binary.AppendVarint(b, c.PackagesVersion)
	b = binary.AppendVarint(b, int64(len(c.Batches)))
	for _, rows := range c.Batches {
		b = binary.AppendVarint(b, int64(len(rows)))
		for i := range rows {
			b = appendRow(b, &rows[i])
		}
	}
	return b
}

func appendRow(b []byte, r *task.Row) []byte {
	t, m := &r.Task, &r.Match
	for _, s := range [...]string{t.ID, t.Name, t.PackageRef, t.State, string(m.State), m.Reason} {
		b = binary.AppendVarint(b, int64(len(s)))
		b = append(b, s...)
	}
	for _, n := range [...]int64{
		t.Total, t.Called, t.Connected, t.Succeeded, t.CreatedAt.UnixMicro(), m.PackageID, int64(m.Layer), r.SearchedVersion, int64(len(t.Attributes)),
	} {
		b = binary.AppendVarint(b, n)
	}
	return append(b, t.Attributes...)
}

var errClaim = errors.New("the kept rows cannot be read")

// readClaim undoes appendClaim.
func readClaim(b []byte) (c task.ClaimedRows, err error) {
	if len(b) == 0 || b[0] != claimFormat {
		return c, errClaim
	}
	r := claimReader{rest: b[1:]}
	c.NewBatches, c.PackagesVersion = int(r.number()), r.number()
	for range r.count() {
		rows := make([]task.Row, r.count())
		for i := range rows {
			r.row(&rows[i])
		}
		c.Batches = append(c.Batches, rows)
	}
	if r.bad || len(r.rest) > 0 {
		return task.ClaimedRows{}, errClaim
	}
	return c, nil
}

// claimReader reads from rest; once that is bad, it answers zero values.
type claimReader struct {
	rest []byte
	bad  bool
}

func (r *claimReader) number() int64 {
	n, size := binary.Varint(r.rest)
	if size <= 0 {
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

// count is a number of things that take a byte each at least.
func (r *claimReader) count() int {
	n := r.number()
	if n < 0 || n > int64(len(r.rest)) {
		r.bad, r.rest = true, nil
		return 0
	}
	return int(n)
}

func (r *claimReader) bytes() []byte {
	n := r.count()
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *claimReader) row(row *task.Row) {
	t, m := &row.Task, &row.Match
	t.ID, t.Name, t.PackageRef, t.State = string(r.bytes()), string(r.bytes()), string(r.bytes()), string(r.bytes())
	m.State, m.Reason = task.MatchState(r.bytes()), string(r.bytes())
	t.Total, t.Called, t.Connected, t.Succeeded = r.number(), r.number(), r.number(), r.number()
	t.CreatedAt = time.UnixMicro(r.number()).UTC()
	m.PackageID, m.Layer, row.SearchedVersion = r.number(), task.Layer(r.number()), r.number()
	if attributes := r.bytes(); len(attributes) > 0 {
		t.Attributes = append([]byte(nil), attributes...)
	}
}
