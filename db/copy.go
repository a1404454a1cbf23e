package db

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"tasksync/task"
)

// copyBatch stores a batch of new tasks by COPY, which costs the server least:
// begin_batch writes the outcome and COPY the tasks, as one simple query and so
// in one transaction and one round trip. It fails on the primary key of tasks
// if one of them is stored already.
func (s *Store) copyBatch(ctx context.Context, b task.Batch) error {
	var states task.StateCounts
	for i := range b.Rows {
		states.Add(b.Rows[i].Match.State)
	}
	errs, err := errorsLiteral(refusals(b))
	if err != nil {
		return err
	}
	// Nothing but numbers and hexadecimal digits goes into the text.
	query := fmt.Sprintf("SELECT begin_batch(%d, %d, %d, %d, %d, %d, %d, %d, %d, %d, %s); %s",
		b.RecordID, b.PageSeq, b.No, len(b.Rows), states.Matched, states.Pending, states.Failed, states.Idle,
		len(b.Unstored), b.PackagesVersion, errs, copyTasks)
	rows := copyBuffers.Get().(*copyBuffer)
	*rows = copyRows((*rows)[:0], b)
	err = s.pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		_, err := conn.Conn().PgConn().CopyFrom(ctx, bytes.NewReader(*rows), query)
		return err
	})
	if err == nil {
		// After an error somebody may still be reading it.
		copyBuffers.Put(rows)
	}
	return err
}

// copyTasks names the columns in the order of copyRows.
const copyTasks = "COPY tasks (id, name, package_ref, state, total, called, connected, succeeded, source_created_at, attributes, " +
	"content_hash, fetched_at, match_state, package_id, match_layer, match_reason, match_version, norm_version) FROM STDIN (FORMAT binary)"

const copyColumns = 18

// errorsLiteral is begin_batch's last argument as SQL.
func errorsLiteral(errs []task.Refusal) (string, error) {
	if len(errs) == 0 {
		return "NULL", nil
	}
	type column struct {
		TaskID   string         `json:"task_id"`
		TaskName string         `json:"task_name"`
		Kind     task.ErrorKind `json:"kind"`
		Error    string         `json:"error"`
	}
	list := make([]column, len(errs))
	for i, e := range errs {
		list[i] = column(e)
	}
	text, err := json.Marshal(list)
	if err != nil {
		return "", err
	}
	return `'\x` + hex.EncodeToString(text) + `'`, nil
}

// copyRows appends the batch in COPY's binary format: a header, for each row the
// number of columns and each column with its length, a trailer.
func copyRows(c copyBuffer, b task.Batch) copyBuffer {
	c = append(c, "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"...)
	for i := range b.Rows {
		r := &b.Rows[i]
		t, m := &r.Task, &r.Match
		c = binary.BigEndian.AppendUint16(c, copyColumns)
		c.text(t.ID)
		c.text(t.Name)
		c.text(t.PackageRef)
		c.text(t.State)
		c.int64(t.Total)
		c.int64(t.Called)
		c.int64(t.Connected)
		c.int64(t.Succeeded)
		c.time(t.CreatedAt)
		c.jsonb(t.Attributes)
		hash := t.Hash()
		c.bytes(hash[:])
		c.time(b.FetchedAt)
		c.text(string(m.State))
		c.nonZero(m.PackageID)
		c.int16(int16(m.Layer))
		c.text(m.Reason)
		c.nonZero(r.SearchedVersion)
		c.int16(b.NormVersion)
	}
	return binary.BigEndian.AppendUint16(c, 0xffff)
}

var copyBuffers = sync.Pool{New: func() any { return new(copyBuffer) }}

// copyBuffer appends columns in the binary format of their types.
type copyBuffer []byte

func (c *copyBuffer) length(n int) { *c = binary.BigEndian.AppendUint32(*c, uint32(n)) }

func (c *copyBuffer) null() { *c = binary.BigEndian.AppendUint32(*c, 0xffffffff) }

func (c *copyBuffer) text(s string) {
	c.length(len(s))
	*c = append(*c, s...)
}

func (c *copyBuffer) bytes(v []byte) {
	c.length(len(v))
	*c = append(*c, v...)
}

// jsonb is version 1 of its format, the JSON text; null for nothing.
func (c *copyBuffer) jsonb(text []byte) {
	if len(text) == 0 {
		c.null()
		return
	}
	c.length(1 + len(text))
	*c = append(append(*c, 1), text...)
}

func (c *copyBuffer) int16(n int16) {
	c.length(2)
	*c = binary.BigEndian.AppendUint16(*c, uint16(n))
}

func (c *copyBuffer) int64(n int64) {
	c.length(8)
	*c = binary.BigEndian.AppendUint64(*c, uint64(n))
}

// nonZero is null for 0.
func (c *copyBuffer) nonZero(n int64) {
	if n == 0 {
		c.null()
		return
	}
	c.int64(n)
}

// postgresEpoch is where timestamptz counts its microseconds from.
var postgresEpoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func (c *copyBuffer) time(t time.Time) {
	c.int64(t.UnixMicro() - postgresEpoch.UnixMicro())
}
