package peers_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/stretchr/testify/require"

	"tasksync/db"
	"tasksync/internal/systest"
	"tasksync/task"
)

const (
	tasks     = 100_000
	batchSize = 50
	workers   = 100
	looped    = 5_000
)

// BenchmarkPeers stores the same tasks, all new, into the same tables: by a run
// of tasksync (from POST to answer, fetching and matching included), by River
// with a job a batch and tasksync's own statement, its jobs inserted before, and
// by a loop with one upsert a task.
func BenchmarkPeers(b *testing.B) {
	perDay := (tasks + task.HistoricalDays - 1) / task.HistoricalDays
	s := systest.Start(b, systest.WithFsync(), systest.WithTasksPerDay(perDay), systest.WithEnv(systest.API, "TASKSYNC_MANUAL_WAIT=5m"))
	s.FreezeClock(time.Now())
	run := func() float64 {
		truncate(b, s)
		begun := time.Now()
		answer := s.Manual(task.Historical)
		took := time.Since(begun)
		require.Equal(b, 200, answer.Status, "%v", answer)
		return float64(systest.Value[int](s, "SELECT count(*)::int FROM tasks")) / took.Seconds()
	}
	run() // warms up
	before := run()
	batches := stored(b, s)
	slow := riverRate(b, s, batches, river.FetchCooldownDefault)
	fast := riverRate(b, s, batches, river.FetchCooldownMin)
	loop := loopRate(b, s, batches)
	after := run()
	ours := (before + after) / 2
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(before, "tasksync-before/s")
	b.ReportMetric(after, "tasksync-after/s")
	b.ReportMetric(slow, "river-default/s")
	b.ReportMetric(fast, "river-best/s")
	b.ReportMetric(loop, "loop/s")
	b.ReportMetric(ours/slow, "tasksync/river-default")
	b.ReportMetric(ours/fast, "tasksync/river-best")
	b.ReportMetric(ours/loop, "tasksync/loop")
}

func truncate(b *testing.B, s *systest.System) {
	b.Helper()
	for _, sql := range []string{"TRUNCATE tasks", "VACUUM ANALYZE tasks", "CHECKPOINT"} {
		_, err := s.SQL.Exec(context.Background(), sql)
		require.NoError(b, err)
	}
}

// stored are the tasks in the table, in batches.
func stored(b *testing.B, s *systest.System) [][]task.Row {
	b.Helper()
	rows, err := s.SQL.Query(context.Background(), `SELECT id, name, package_ref, state, total, called, connected, succeeded, source_created_at,
		match_state, coalesce(package_id, 0), match_layer, match_reason FROM tasks ORDER BY source_created_at, id`)
	require.NoError(b, err)
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r task.Row, err error) {
		t, m := &r.Task, &r.Match
		err = row.Scan(&t.ID, &t.Name, &t.PackageRef, &t.State, &t.Total, &t.Called, &t.Connected, &t.Succeeded, &t.CreatedAt,
			&m.State, &m.PackageID, &m.Layer, &m.Reason)
		return r, err
	})
	require.NoError(b, err)
	return slices.Collect(slices.Chunk(all, batchSize))
}

// batchArgs is a batch as a job.
type batchArgs struct {
	RecordID int64      `json:"record_id"`
	No       int        `json:"no"`
	Rows     []task.Row `json:"rows"`
}

func (batchArgs) Kind() string { return "batch" }

type batchWorker struct {
	river.WorkerDefaults[batchArgs]
	store *db.Store
}

func (w *batchWorker) Work(ctx context.Context, job *river.Job[batchArgs]) error {
	_, err := w.store.SaveBatch(ctx, task.Batch{
		RecordID: job.Args.RecordID, No: job.Args.No, FetchedAt: time.Now(), Rows: job.Args.Rows, New: true, PackagesVersion: 1, NormVersion: 1,
	})
	return err
}

// riverRate inserts a job for each batch, then lets River work on them, and
// answers the tasks per second of the work alone.
func riverRate(b *testing.B, s *systest.System, batches [][]task.Row, cooldown time.Duration) float64 {
	b.Helper()
	ctx := context.Background()
	cfg, err := pgxpool.ParseConfig(s.DatabaseURL)
	require.NoError(b, err)
	cfg.MaxConns = 20
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	require.NoError(b, err)
	defer pool.Close()
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), nil)
	require.NoError(b, err)
	_, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	require.NoError(b, err)

	registry := river.NewWorkers()
	river.AddWorker(registry, &batchWorker{store: s.OpenStore(8)})
	client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{
		Queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: workers}}, Workers: registry,
		FetchCooldown: cooldown, FetchPollInterval: max(cooldown, river.FetchPollIntervalMin), Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(b, err)
	truncate(b, s)
	recordID := open(b, s, fmt.Sprint("river-", cooldown))
	jobs := make([]river.InsertManyParams, len(batches))
	for i, rows := range batches {
		jobs[i] = river.InsertManyParams{Args: batchArgs{RecordID: recordID, No: i, Rows: rows}}
	}
	_, err = client.InsertManyFast(ctx, jobs)
	require.NoError(b, err)
	_, err = s.SQL.Exec(ctx, "VACUUM ANALYZE river_job")
	require.NoError(b, err)

	begun := time.Now()
	require.NoError(b, client.Start(ctx))
	want := 0
	for _, rows := range batches {
		want += len(rows)
	}
	for systest.Value[int](s, "SELECT coalesce(sum(tasks), 0)::int FROM sync_batches WHERE record_id = $1", recordID) < want {
		time.Sleep(20 * time.Millisecond)
	}
	took := time.Since(begun)
	require.NoError(b, client.Stop(ctx))
	require.Equal(b, want, systest.Value[int](s, "SELECT count(*)::int FROM tasks"))
	return float64(want) / took.Seconds()
}

func open(b *testing.B, s *systest.System, workflowID string) int64 {
	b.Helper()
	now := time.Now()
	rec, err := s.Store.OpenRecord(context.Background(), task.Opening{
		Type: task.Historical, Trigger: task.Manual, WorkflowID: workflowID, FirstRunID: workflowID, StartTime: now,
		Window: task.Window{From: now.Add(-time.Hour), To: now}, LockedBy: "bench-1", Actor: "bench", MaxRetries: 3,
	}, time.UTC)
	require.NoError(b, err)
	return rec.ID
}

// loopRate upserts some of the tasks one by one, each its own commit.
func loopRate(b *testing.B, s *systest.System, batches [][]task.Row) float64 {
	b.Helper()
	ctx := context.Background()
	truncate(b, s)
	conn, err := pgx.Connect(ctx, s.DatabaseURL)
	require.NoError(b, err)
	defer conn.Close(ctx)
	begun := time.Now()
	n := 0
	for _, rows := range batches[:looped/batchSize] {
		for i := range rows {
			t, m := &rows[i].Task, &rows[i].Match
			hash := t.Hash()
			_, err := conn.Exec(ctx, `INSERT INTO tasks AS t (id, name, package_ref, state, total, called, connected, succeeded, source_created_at,
				content_hash, fetched_at, match_state, package_id, match_layer, match_reason, norm_version)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, now(), $11, nullif($12::bigint, 0), $13, $14, 1)
				ON CONFLICT (id) DO UPDATE SET name = excluded.name, package_ref = excluded.package_ref, state = excluded.state,
					total = excluded.total, called = excluded.called, connected = excluded.connected, succeeded = excluded.succeeded,
					source_created_at = excluded.source_created_at, content_hash = excluded.content_hash, fetched_at = excluded.fetched_at,
					match_state = excluded.match_state, package_id = excluded.package_id, match_layer = excluded.match_layer,
					match_reason = excluded.match_reason, revision = t.revision + 1, updated_at = now()
				WHERE t.content_hash <> excluded.content_hash`,
				t.ID, t.Name, t.PackageRef, t.State, t.Total, t.Called, t.Connected, t.Succeeded, t.CreatedAt, hash[:],
				string(m.State), m.PackageID, int16(m.Layer), m.Reason)
			require.NoError(b, err)
			n++
		}
	}
	return float64(n) / time.Since(begun).Seconds()
}
