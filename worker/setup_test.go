package worker_test

import (
	"context"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"tasksync/activities"
	"tasksync/db"
	"tasksync/guanke"
	"tasksync/guanke/sim"
	"tasksync/internal/pgtest"
	"tasksync/internal/temporaltest"
	"tasksync/match"
	"tasksync/runs"
	"tasksync/schedule"
	"tasksync/task"
	"tasksync/worker"
	"tasksync/workflows"
)

var shanghai = must(time.LoadLocation("Asia/Shanghai"))

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// system is tasksync in one process: a real database, a namespace of a real
// Temporal server, the simulated source and a worker.
type system struct {
	t   *testing.T
	ctx context.Context

	sim         *sim.Server
	store       *db.Store
	temporal    client.Client
	runs        *runs.Runs
	schedules   *schedule.Schedules
	sql         *pgx.Conn
	namespace   string
	startWorker func() (stop func())
	stopWorker  func()
}

// options are the settings that a test may change.
type options struct {
	sim         sim.Config
	source      guanke.Config
	maxRetries  int
	lockTimeout time.Duration
}

// setup starts a system.
func setup(t *testing.T, change ...func(*options)) *system {
	t.Helper()
	t.Parallel()
	o := options{
		sim:        sim.Config{Seed: 1, Zone: shanghai},
		source:     guanke.Config{Secret: sim.DefaultSecret, PageSize: 1000, Zone: shanghai},
		maxRetries: 3, lockTimeout: 30 * time.Minute,
	}
	for _, c := range change {
		c(&o)
	}
	cfg := activities.Config{
		Zone: shanghai, LockedBy: "worker-1", MaxRetries: o.maxRetries, BatchSize: 50, Connections: 8, Retention: 30 * 24 * time.Hour,
		NormVersion: match.NormVersion,
		NewMatcher: func(version int64, packages []task.Package) activities.Matcher {
			return match.NewIndex(version, packages)
		},
	}
	s := &system{t: t, ctx: t.Context()}
	source, err := sim.New(o.sim)
	require.NoError(t, err)
	s.sim = source
	server := httptest.NewServer(source)
	t.Cleanup(server.Close)
	o.source.BaseURL = server.URL
	client, err := guanke.New(o.source)
	require.NoError(t, err)
	t.Cleanup(client.Close)

	url := pgtest.New(t, pgtest.WithTemplate("tasksync", func(url string) error {
		_, err := db.Migrate(context.Background(), url)
		return err
	}))
	s.store, err = db.Open(s.ctx, db.Config{URL: url, Worker: true, MaxConns: 12})
	require.NoError(t, err)
	t.Cleanup(s.store.Close)
	s.sql, err = pgx.Connect(s.ctx, url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.sql.Close(context.Background())) })
	now := time.Now()
	_, _, err = s.store.SavePackages(s.ctx, sim.Packages(o.sim, now.AddDate(0, 0, -10), now.AddDate(0, 0, 2)))
	require.NoError(t, err)

	temporal := temporaltest.Start(t)
	s.namespace = temporal.Namespace(t)
	s.temporal = temporal.Client(t, s.namespace)
	s.runs = runs.New(s.temporal, s.store, runs.Config{LockTimeout: o.lockTimeout, Zone: shanghai})
	s.schedules = schedule.New(s.temporal, schedule.Config{
		Historical: "0 1,10,15,21 * * *", Today: "0 9-23 * * *", Zone: shanghai, Housekeeping: time.Hour, LockTimeout: 30 * time.Minute,
	})
	require.NoError(t, worker.EnsureSearchAttributes(s.ctx, s.temporal, s.namespace))
	s.startWorker = func() func() {
		w := worker.New(s.temporal, worker.Config{StopTimeout: time.Second}, activities.New(cfg, s.store, client, s.runs))
		require.NoError(t, w.Start())
		return w.Stop
	}
	s.stopWorker = sync.OnceFunc(s.startWorker())
	t.Cleanup(s.stopWorker)
	require.Eventually(t, func() bool { return s.runs.Ready(s.ctx) == nil }, 20*time.Second, 20*time.Millisecond)
	return s
}

func (s *system) start(t task.SyncType) int64 {
	s.t.Helper()
	started, err := s.runs.Start(s.ctx, task.StartRequest{Type: t, Trigger: task.Manual, LockedBy: "host-1", Actor: "test"})
	require.NoError(s.t, err)
	return started.RecordID
}

// sync runs a sync to its end and answers its record.
func (s *system) sync(t task.SyncType) task.Record {
	s.t.Helper()
	id := s.start(t)
	require.NoError(s.t, s.runs.Wait(s.ctx, t, ""))
	rec, err := s.store.Record(s.ctx, id)
	require.NoError(s.t, err)
	return rec
}

// running waits until a type's record is open.
func (s *system) running(t task.SyncType) task.Record {
	s.t.Helper()
	var rec task.Record
	require.Eventually(s.t, func() bool {
		latest, err := s.store.Latest(s.ctx)
		require.NoError(s.t, err)
		rec = latest[t]
		return rec.Status == task.Running
	}, 20*time.Second, 20*time.Millisecond, "no running record of %s", t)
	return rec
}

// housekeep runs the housekeeping workflow once.
func (s *system) housekeep() activities.LostResult {
	s.t.Helper()
	run, err := s.temporal.ExecuteWorkflow(s.ctx, client.StartWorkflowOptions{TaskQueue: workflows.TaskQueue}, workflows.Housekeeping)
	require.NoError(s.t, err)
	var out activities.LostResult
	require.NoError(s.t, run.Get(s.ctx, &out))
	return out
}

func value[T any](s *system, sql string, args ...any) T {
	s.t.Helper()
	var v T
	require.NoError(s.t, s.sql.QueryRow(s.ctx, sql, args...).Scan(&v))
	return v
}
