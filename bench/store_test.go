package bench_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"tasksync/internal/systest"
	"tasksync/task"
)

// BenchmarkStore stores tasks that are all new, batch by batch with as many in
// flight as a worker has, and nothing else: what storing alone reaches.
func BenchmarkStore(b *testing.B) {
	const tasks, batch, inFlight = 100_000, 50, 8
	s := systest.Start(b, systest.WithFsync(), systest.WithoutWorker(), systest.WithoutAPI())
	ctx := context.Background()
	now := time.Now().Truncate(time.Second)
	open := func(no int) int64 {
		rec, err := s.Store.OpenRecord(ctx, task.Opening{
			Type: task.Historical, Trigger: task.Manual, WorkflowID: fmt.Sprint("bench-", no), FirstRunID: fmt.Sprint(no), StartTime: now,
			Window: task.Window{From: now.Add(-time.Hour), To: now}, LockedBy: "bench-1", Actor: "bench", MaxRetries: 3,
		}, time.UTC)
		require.NoError(b, err)
		return rec.ID
	}
	store := s.OpenStore(inFlight)
	var stored []measured
	for round := range 3 {
		recordID := open(round)
		_, err := s.SQL.Exec(ctx, "TRUNCATE tasks")
		require.NoError(b, err)
		m := cost(b, s, func() {
			group, ctx := errgroup.WithContext(ctx)
			group.SetLimit(inFlight)
			for no := range tasks / batch {
				group.Go(func() error {
					rows := make([]task.Row, batch)
					for i := range rows {
						rows[i] = row(no*batch+i, now)
					}
					_, err := store.SaveBatch(ctx, task.Batch{
						RecordID: recordID, PageSeq: no / 20, No: no % 20, FetchedAt: now, Rows: rows, New: true, PackagesVersion: 1, NormVersion: 1,
					})
					return err
				})
			}
			require.NoError(b, group.Wait())
		})
		m.rows = tasks
		stored = append(stored, m)
	}
	copied := copyFrom(b, s)
	b.ReportMetric(0, "ns/op")
	for round, m := range stored {
		b.ReportMetric(m.rate()/copied.rate(), fmt.Sprintf("store%d/copy", round+1))
		b.ReportMetric(m.cpu.microseconds("postgres", tasks), fmt.Sprintf("store%d-postgres-µs/task", round+1))
		b.ReportMetric(m.cpu.microseconds("bench", tasks), fmt.Sprintf("store%d-client-µs/task", round+1))
	}
	b.ReportMetric(copied.rate(), "copy-tasks/s")
	b.ReportMetric(copied.cpu.microseconds("postgres", tasks), "copy-postgres-µs/task")
	b.ReportMetric(copied.cpu.microseconds("bench", tasks), "copy-client-µs/task")
	b.ReportMetric(stored[2].walPerTask(), "WAL-B/task")
}

// row is a task as the simulator names them.
func row(n int, at time.Time) task.Row {
	r := task.Row{Task: task.Task{
		ID: fmt.Sprint(4_000_000 + n), Name: fmt.Sprintf("某市-1016-高中-%d-O%d-A-L3-1018", n%5000, n%9+1), State: "3",
		Total: 5000, Called: int64(n % 5000), Connected: int64(n % 999), Succeeded: int64(n % 77), CreatedAt: at.Add(-time.Duration(n%3600) * time.Second),
	}, Match: task.Match{State: task.Pending}}
	if n%5 > 0 {
		r.Match = task.Match{State: task.Matched, PackageID: int64(n%100 + 1), Layer: task.LayerPrefix}
	}
	return r
}
