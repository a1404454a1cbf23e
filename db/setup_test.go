package db_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"tasksync/db"
	"tasksync/internal/pgtest"
	"tasksync/task"
)

var shanghai = must(time.LoadLocation("Asia/Shanghai"))

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// start is when the tests' records start: 14:00 on a business day.
var start = time.Date(2026, 11, 23, 14, 0, 0, 0, shanghai)

// fixture is a store over a database of its own.
type fixture struct {
	*db.Store
	t   *testing.T
	ctx context.Context
	url string
	// sql is a connection beside the store's.
	sql *pgx.Conn
	run atomic.Int64
}

func setup(t *testing.T) *fixture {
	t.Helper()
	t.Parallel()
	url := pgtest.New(t, pgtest.WithTemplate("tasksync", func(url string) error {
		_, err := db.Migrate(context.Background(), url)
		return err
	}))
	f := &fixture{t: t, ctx: t.Context(), url: url}
	f.Store = f.open(db.Config{Worker: true})
	conn, err := pgx.Connect(f.ctx, url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close(context.Background())) })
	f.sql = conn
	return f
}

func (f *fixture) open(cfg db.Config) *db.Store {
	f.t.Helper()
	cfg.URL = f.url
	s, err := db.Open(f.ctx, cfg)
	require.NoError(f.t, err)
	f.t.Cleanup(s.Close)
	return s
}

func (f *fixture) exec(sql string, args ...any) {
	f.t.Helper()
	_, err := f.sql.Exec(f.ctx, sql, args...)
	require.NoError(f.t, err)
}

// value is the one value that a query answers.
func value[T any](f *fixture, sql string, args ...any) T {
	f.t.Helper()
	var v T
	require.NoError(f.t, f.sql.QueryRow(f.ctx, sql, args...).Scan(&v))
	return v
}

// record opens a running record of a type of its own workflow ID.
func (f *fixture) record(t task.SyncType) task.Record {
	f.t.Helper()
	n := f.run.Add(1)
	rec, err := f.OpenRecord(f.ctx, f.opening(t, fmt.Sprintf("sync-%d", n), "run-1"), shanghai)
	require.NoError(f.t, err)
	return rec
}

func (f *fixture) opening(t task.SyncType, workflowID, firstRunID string) task.Opening {
	return task.Opening{
		Type: t, Trigger: task.Manual, WorkflowID: workflowID, FirstRunID: firstRunID, StartTime: start,
		Window: task.WindowAt(t, start, shanghai), LockedBy: "host-1", Actor: "test", MaxRetries: 3,
	}
}

func (f *fixture) closing(rec task.Record) task.Closing {
	return task.Closing{RecordID: rec.ID, EndTime: start.Add(15 * time.Second), Zone: shanghai, Complete: true}
}

func (f *fixture) close(rec task.Record) task.Record {
	f.t.Helper()
	closed, err := f.CloseRecord(f.ctx, f.closing(rec))
	require.NoError(f.t, err)
	return closed
}

// rows are tasks from 1 to n with a match.
func rows(from, to int, change func(i int, r *task.Row)) []task.Row {
	var out []task.Row
	for i := from; i <= to; i++ {
		r := task.Row{
			Task: task.Task{
				ID: fmt.Sprintf("%07d", i), Name: fmt.Sprintf("某市-1014-高中-10000-N-A-L3-%d", i), Total: 100, Called: 10,
				CreatedAt: start.Add(-time.Hour),
			},
			Match: task.Match{State: task.Matched, PackageID: 1, Layer: task.LayerPrefix},
		}
		if change != nil {
			change(i, &r)
		}
		out = append(out, r)
	}
	return out
}

// store fetches and stores rows as one page of batches of 50.
func (f *fixture) store(rec task.Record, seq int, rs []task.Row, unchanged task.StateCounts) {
	f.t.Helper()
	f.savePage(rec, seq, rs, unchanged)
	for no := 0; no*50 < len(rs); no++ {
		_, err := f.SaveBatch(f.ctx, batch(rec, seq, no, rs[no*50:min(len(rs), no*50+50)]))
		require.NoError(f.t, err)
	}
}

func (f *fixture) savePage(rec task.Record, seq int, rs []task.Row, unchanged task.StateCounts) {
	f.t.Helper()
	same := unchanged.Matched + unchanged.Pending + unchanged.Failed + unchanged.Idle
	claim := task.Claim{
		RecordID: rec.ID, Seq: seq, FetchedAt: start, Fetched: len(rs) + same, PassDistinct: len(rs) + same, Unchanged: unchanged,
	}
	for i, r := range rs {
		if i%50 == 0 {
			claim.Batches = append(claim.Batches, nil)
		}
		claim.Batches[i/50] = append(claim.Batches[i/50], r)
		claim.IDs = append(claim.IDs, r.Task.ID)
	}
	saved, err := f.SavePage(f.ctx, claim)
	require.NoError(f.t, err)
	require.True(f.t, saved)
}

func batch(rec task.Record, seq, no int, rs []task.Row) task.Batch {
	return task.Batch{RecordID: rec.ID, PageSeq: seq, No: no, FetchedAt: start, Rows: rs, PackagesVersion: 1, NormVersion: 1}
}

func requireCode(t *testing.T, err error, code task.Code) {
	t.Helper()
	require.Equal(t, code, task.CodeOf(err), "error: %v", err)
}
