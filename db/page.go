package db

import (
	"bytes"
	"context"
	"encoding/gob"
	"fmt"
	"math"
	"sync"

	"github.com/klauspost/compress/zstd"

	"tasksync/db/dbsqlc"
	"tasksync/task"
)

// SavePage keeps a fetched page, its rejects and its failed tasks in one
// transaction. Saved is false if another attempt has kept the page already.
// It fails with task.CodeRecordClosed if the record is not running.
func (s *Store) SavePage(ctx context.Context, c task.Claim) (saved bool, err error) {
	var payload []byte
	rows := c.Rows()
	if rows > 0 {
		if payload, err = packClaim(&c.ClaimedRows); err != nil {
			return false, task.Wrap(task.CodeInternal, err, "无法保存一页任务")
		}
	}
	page := dbsqlc.InsertPageParams{
		RecordID: c.RecordID, Seq: int32(c.Seq), Pass: int32(c.Pass), Span: int32(c.Span), SpanTotal: intPointer32(c.SpanTotal),
		NextCursor: c.Next, FetchedAt: c.FetchedAt, TasksFetched: int32(c.Fetched), TasksDuplicate: int32(c.Duplicate),
		TasksRejected: int32(len(c.Rejects)), PassDistinct: int32(c.PassDistinct), Ids: notNil(c.IDs),
		UnchangedMatched: int32(c.Unchanged.Matched), UnchangedPending: int32(c.Unchanged.Pending),
		UnchangedFailed: int32(c.Unchanged.Failed), UnchangedIdle: int32(c.Unchanged.Idle),
		Rows: int32(rows), Payload: payload, Undecided: int32(c.Undecided),
	}
	insert := func(q *dbsqlc.Queries) error {
		n, err := q.InsertPage(ctx, page)
		saved = n > 0
		return err
	}
	if len(c.Rejects)+len(c.Errors) == 0 {
		// Alone, the statement is its own transaction.
		err = insert(s.q)
		return saved, translate(ctx, err)
	}
	err = s.inTx(ctx, func(q *dbsqlc.Queries) error {
		if err := insert(q); err != nil || !saved {
			return err
		}
		if err := insertRejects(ctx, q, c); err != nil {
			return err
		}
		return insertTaskErrors(ctx, q, c.RecordID, c.Errors)
	})
	return saved, err
}

func insertRejects(ctx context.Context, q *dbsqlc.Queries, c task.Claim) error {
	if len(c.Rejects) == 0 {
		return nil
	}
	p := dbsqlc.InsertRejectsParams{RecordID: c.RecordID, PageSeq: int32(c.Seq)}
	for i, r := range c.Rejects {
		p.Nos = append(p.Nos, int32(i))
		p.TaskIds = append(p.TaskIds, r.TaskID)
		p.TaskNames = append(p.TaskNames, r.TaskName)
		p.Reasons = append(p.Reasons, r.Reason)
		p.Payloads = append(p.Payloads, r.Payload)
	}
	return q.InsertRejects(ctx, p)
}

func insertTaskErrors(ctx context.Context, q *dbsqlc.Queries, recordID int64, errs []task.Refusal) error {
	if len(errs) == 0 {
		return nil
	}
	p := dbsqlc.InsertTaskErrorsParams{RecordID: recordID}
	p.TaskIds, p.TaskNames, p.Kinds, p.Errors = errorColumns(errs)
	return q.InsertTaskErrors(ctx, p)
}

func errorColumns(errs []task.Refusal) (ids, names, kinds, texts []string) {
	ids, names, kinds, texts = []string{}, []string{}, []string{}, []string{}
	for _, e := range errs {
		ids = append(ids, e.TaskID)
		names = append(names, e.TaskName)
		kinds = append(kinds, string(e.Kind))
		texts = append(texts, e.Error)
	}
	return ids, names, kinds, texts
}

// PageHeads are the stored pages of a record from seq from up to, not
// including, to.
func (s *Store) PageHeads(ctx context.Context, recordID int64, from, to int) ([]task.ClaimHead, error) {
	rows, err := s.q.PageHeads(ctx, dbsqlc.PageHeadsParams{RecordID: recordID, FromSeq: int32(from), ToSeq: int32(to)})
	if err != nil {
		return nil, translate(ctx, err)
	}
	heads := make([]task.ClaimHead, len(rows))
	for i, r := range rows {
		heads[i] = task.ClaimHead{
			Seq: int(r.Seq), Next: r.NextCursor, Fetched: int(r.TasksFetched), Rows: int(r.Rows),
			Undecided: int(r.Undecided), Searched: r.Searched,
		}
	}
	return heads, nil
}

// PageRows are the rows to write of one page, with what the search decided.
func (s *Store) PageRows(ctx context.Context, recordID int64, seq int) (task.ClaimRows, error) {
	row, err := s.q.PagePayload(ctx, dbsqlc.PagePayloadParams{RecordID: recordID, Seq: int32(seq)})
	if err != nil {
		return task.ClaimRows{}, translate(ctx, err)
	}
	out := task.ClaimRows{FetchedAt: row.FetchedAt, MatchesVersion: row.MatchesVersion}
	if out.ClaimedRows, err = unpackClaim(row.Payload); err != nil {
		return task.ClaimRows{}, task.Wrap(task.CodeInternal, err, "保存的一页任务无法读取")
	}
	if out.Matches, err = unpackMatches(row.Matches); err != nil {
		return task.ClaimRows{}, task.Wrap(task.CodeInternal, err, "保存的匹配结果无法读取")
	}
	return out, nil
}

// SaveMatches keeps what the search decided for a page's undecided tasks, once.
// It fails with task.CodeRecordClosed if the record is not running.
func (s *Store) SaveMatches(ctx context.Context, recordID int64, seq int, matches map[string]task.Match, version int64) error {
	packed, err := packMatches(matches)
	if err != nil {
		return task.Wrap(task.CodeInternal, err, "无法保存匹配结果")
	}
	err = s.q.SaveMatches(ctx, dbsqlc.SaveMatchesParams{RecordID: recordID, Seq: int32(seq), Matches: packed, MatchesVersion: &version})
	return translate(ctx, err)
}

// toldTotal undoes the queries' -1 for a source that tells no total.
func toldTotal(n int64) *int32 {
	if n < 0 {
		return nil
	}
	v := int32(min(n, math.MaxInt32))
	return &v
}

// SeenPages are what the pages of a record had, from seq from up to, not
// including, before: the ids page by page in their order, then the rejects one
// by one.
func (s *Store) SeenPages(ctx context.Context, recordID int64, from, before int) ([]task.SeenPage, error) {
	rows, err := s.q.SeenIDs(ctx, dbsqlc.SeenIDsParams{RecordID: recordID, FromSeq: int32(from), BeforeSeq: int32(before)})
	if err != nil {
		return nil, translate(ctx, err)
	}
	rejects, err := s.q.SeenRejects(ctx, dbsqlc.SeenRejectsParams{RecordID: recordID, FromSeq: int32(from), BeforeSeq: int32(before)})
	if err != nil {
		return nil, translate(ctx, err)
	}
	pages := make([]task.SeenPage, 0, len(rows)+len(rejects))
	for _, r := range rows {
		pages = append(pages, task.SeenPage{Pass: int(r.Pass), IDs: r.Ids})
	}
	for _, r := range rejects {
		pages = append(pages, task.SeenPage{Pass: int(r.Pass), Reject: &task.Reject{TaskID: r.TaskID, Payload: r.Payload}})
	}
	return pages, nil
}

// PassSums compares what a reading of the window saw with what the source said.
func (s *Store) PassSums(ctx context.Context, recordID int64, pass int) (task.PassSums, error) {
	row, err := s.q.PassSums(ctx, dbsqlc.PassSumsParams{RecordID: recordID, Pass: int32(pass)})
	if err != nil {
		return task.PassSums{}, translate(ctx, err)
	}
	return task.PassSums{
		Distinct: int(row.DistinctSeen), SourceTotal: intPointer(toldTotal(row.SourceTotal)), TotalChanged: row.TotalChanged,
	}, nil
}

// The codecs are safe for concurrent use and costly to make.
var (
	zstdEncoder = sync.OnceValues(func() (*zstd.Encoder, error) {
		return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	})
	zstdDecoder = sync.OnceValues(func() (*zstd.Decoder, error) {
		return zstd.NewReader(nil, zstd.WithDecoderConcurrency(0))
	})
)

// plainBuffers are what claims are written to before they are compressed.
var plainBuffers = sync.Pool{New: func() any { return new([]byte) }}

func packClaim(c *task.ClaimedRows) ([]byte, error) {
	plain := plainBuffers.Get().(*[]byte)
	defer plainBuffers.Put(plain)
	*plain = appendClaim((*plain)[:0], c)
	return compress(*plain)
}

func unpackClaim(packed []byte) (task.ClaimedRows, error) {
	if packed == nil {
		return task.ClaimedRows{}, nil
	}
	plain, err := decompress(packed)
	if err != nil {
		return task.ClaimedRows{}, err
	}
	return readClaim(plain)
}

// packMatches is what the search decided as gob, compressed.
func packMatches(matches map[string]task.Match) ([]byte, error) {
	var plain bytes.Buffer
	if err := gob.NewEncoder(&plain).Encode(matches); err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return compress(plain.Bytes())
}

// unpackMatches undoes packMatches; nil is no search.
func unpackMatches(packed []byte) (matches map[string]task.Match, err error) {
	if packed == nil {
		return nil, nil
	}
	plain, err := decompress(packed)
	if err != nil {
		return nil, err
	}
	if err := gob.NewDecoder(bytes.NewReader(plain)).Decode(&matches); err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	return matches, nil
}

func compress(plain []byte) ([]byte, error) {
	enc, err := zstdEncoder()
	if err != nil {
		return nil, fmt.Errorf("make encoder: %w", err)
	}
	return enc.EncodeAll(plain, make([]byte, 0, len(plain)/4)), nil
}

func decompress(packed []byte) ([]byte, error) {
	dec, err := zstdDecoder()
	if err != nil {
		return nil, fmt.Errorf("make decoder: %w", err)
	}
	plain, err := dec.DecodeAll(packed, nil)
	if err != nil {
		return nil, fmt.Errorf("unpack: %w", err)
	}
	return plain, nil
}

func intPointer(n *int32) *int {
	if n == nil {
		return nil
	}
	v := int(*n)
	return &v
}

func intPointer32(n *int) *int32 {
	if n == nil {
		return nil
	}
	v := int32(min(*n, math.MaxInt32))
	return &v
}

func notNil(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}
