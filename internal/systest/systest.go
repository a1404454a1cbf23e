package systest

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.temporal.io/sdk/client"

	"tasksync/db"
	"tasksync/guanke/sim"
	"tasksync/internal/dev/temporal"
	"tasksync/internal/pgtest"
	"tasksync/internal/temporaltest"
	"tasksync/task"
	"tasksync/workflows"
)

// Secret is what the simulator sells tokens for and the worker pays with.
const Secret = "systest-secret-5f2a"

// System is tasksync as people run it.
type System struct {
	// DatabaseURL is the database's address.
	DatabaseURL string
	// Store reads and writes the database as the product does.
	Store *db.Store
	// SQL asks the database directly.
	SQL *pgxpool.Pool
	// Postgres is the system's own server; nil without WithOwnPostgres.
	Postgres *pgtest.Server
	// Server is the Temporal server, Namespace the system's own on it.
	Server    *temporaltest.Server
	Namespace string
	// Temporal is a client in Namespace.
	Temporal client.Client
	// SimURL and APIURL are the roots of the simulator and of the first API.
	SimURL, APIURL string

	t    testing.TB
	ctx  context.Context
	opts options
	dir  string
	base []string

	mu      sync.Mutex
	procs   []*Proc
	workers []*Proc
}

// Start starts a system and waits until it is ready: with a worker until
// /readyz says so, else until the API answers. If the business day ends within
// the next two minutes, it waits for the next day, so that all windows of a
// test belong to one day.
func Start(t testing.TB, opts ...Option) *System {
	t.Helper()
	o := options{env: map[string][]string{}, tasksPerDay: 28, zone: "UTC"}
	for _, opt := range opts {
		opt(&o)
	}
	waitForMidnight()
	s := &System{t: t, ctx: t.Context(), opts: o, dir: t.TempDir()}
	s.openDatabase()
	if o.ownTemporal {
		s.Server, s.Namespace = temporaltest.Own(t), temporal.Namespace
	} else {
		s.Server = temporaltest.Start(t)
		s.Namespace = s.Server.Namespace(t)
	}
	s.Temporal = s.Server.Client(t, s.Namespace)
	s.base = []string{
		"DATABASE_URL=" + s.DatabaseURL, "TEMPORAL_ADDRESS=" + s.Server.Address, "TEMPORAL_NAMESPACE=" + s.Namespace,
		"GUANKE_API_SECRET=" + Secret, "TASKSYNC_SIM_TASKS_PER_DAY=" + strconv.Itoa(o.tasksPerDay),
		"TASKSYNC_SIM_ADDR=127.0.0.1:0", "TASKSYNC_HTTP_ADDR=127.0.0.1:0", "TASKSYNC_DATA_DIR=" + s.dir, "TZ=" + o.zone,
	}
	if !o.guideCrons {
		s.base = append(s.base, "TASKSYNC_SCHEDULE_HISTORICAL="+rareCron, "TASKSYNC_SCHEDULE_TODAY="+rareCron)
	}
	t.Cleanup(s.end)
	s.SimURL = "http://" + s.Launch(Simulator, []string{"simulate"}).address()
	s.base = append(s.base, "GUANKE_BASE_URL="+s.SimURL)
	if !o.withoutWorker {
		s.StartWorker()
	}
	if !o.withoutAPI {
		s.APIURL = s.StartAPI().URL()
		s.WaitReady()
	}
	return s
}

const rareCron = "0 0 29 2 *"

const midnightMargin = 2 * time.Minute

func waitForMidnight() {
	now := time.Now().In(Zone)
	next := time.Date(now.Year(), now.Month(), now.Day()+1, 0, 0, 1, 0, Zone)
	if left := next.Sub(now); left < midnightMargin {
		time.Sleep(left)
	}
}

// Zone is the business zone of the systems, unless a setting changes it.
var Zone = func() *time.Location {
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		panic(err)
	}
	return zone
}()

// openDatabase makes a database that `tasksync migrate` has migrated, with the
// simulator's packages.
func (s *System) openDatabase() {
	s.t.Helper()
	binary := Binary(s.t)
	opts := []pgtest.Option{pgtest.WithTemplate("systest", func(url string) error {
		r := run(context.Background(), os.TempDir(), binary, environ("DATABASE_URL="+url), "migrate")
		if r.ExitCode != 0 {
			return fmt.Errorf("tasksync migrate: exit code %d: %s%s", r.ExitCode, r.Stdout, r.Stderr)
		}
		return nil
	})}
	if s.opts.fsync {
		opts = append(opts, pgtest.WithFsync())
	}
	if s.opts.ownPostgres != nil {
		s.Postgres = pgtest.Own(s.t, s.opts.ownPostgres)
		opts = append(opts, pgtest.On(s.Postgres))
	}
	s.DatabaseURL = pgtest.New(s.t, opts...)
	var err error
	if s.Store, err = db.Open(s.ctx, db.Config{URL: s.DatabaseURL, MaxConns: 4}); err != nil {
		s.t.Fatalf("systest: %v", err)
	}
	s.t.Cleanup(s.Store.Close)
	if s.SQL, err = pgxpool.New(s.ctx, s.DatabaseURL); err != nil {
		s.t.Fatalf("systest: %v", err)
	}
	s.t.Cleanup(s.SQL.Close)
	if !s.opts.noPackages {
		now := time.Now()
		packages := sim.Packages(sim.Config{Seed: 1, TasksPerDay: s.opts.tasksPerDay}, now.AddDate(0, 0, -10), now.AddDate(0, 0, 2))
		if _, _, err := s.Store.SavePackages(s.ctx, packages); err != nil {
			s.t.Fatalf("systest: save packages: %v", err)
		}
	}
}

// OpenStore opens a store as a worker does, with so many warm connections.
func (s *System) OpenStore(connections int) *db.Store {
	s.t.Helper()
	store, err := db.Open(s.ctx, db.Config{URL: s.DatabaseURL, MaxConns: connections, WarmConns: connections, Worker: true})
	if err != nil {
		s.t.Fatalf("systest: %v", err)
	}
	s.t.Cleanup(store.Close)
	return store
}

// RestartPostgres kills all processes of the system's own PostgreSQL server,
// does what is to be done meanwhile, and starts it again.
func (s *System) RestartPostgres(meanwhile func()) {
	s.t.Helper()
	s.Postgres.Kill9()
	meanwhile()
	s.Postgres.Start()
	// The connections to the killed server would fail once each.
	s.SQL.Reset()
}

// Launch starts a process of a role, with extra settings, and answers at once.
func (s *System) Launch(role string, args []string, settings ...string) *Proc {
	s.t.Helper()
	s.mu.Lock()
	name := fmt.Sprintf("%s-%d", role, len(s.procs)+1)
	s.mu.Unlock()
	p := launch(s.t, s.dir, name, Binary(s.t), s.Environ(role, settings...), args...)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.procs = append(s.procs, p)
	return p
}

// Environ is the environment of a process of a role.
func (s *System) Environ(role string, settings ...string) []string {
	all := append([]string(nil), s.base...)
	all = append(all, s.opts.env[""]...)
	all = append(all, s.opts.env[role]...)
	return environ(append(all, settings...)...)
}

// environ is the environment of this process without what configures
// tasksync, and with the settings.
func environ(settings ...string) []string {
	var env []string
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		ours := name == "DATABASE_URL" || name == "TZ" || strings.HasPrefix(name, "PG") ||
			strings.HasPrefix(name, "TASKSYNC_") || strings.HasPrefix(name, "TEMPORAL_") || strings.HasPrefix(name, "GUANKE_")
		if !ours {
			env = append(env, pair)
		}
	}
	return append(env, settings...)
}

// StartWorker starts one more worker, with extra settings, and waits until it
// polls.
func (s *System) StartWorker(settings ...string) *Proc {
	s.t.Helper()
	p := s.Launch(Worker, []string{"worker"}, settings...)
	p.until("has started", func() bool { return strings.Contains(p.Log(), "定时任务调度器已启动") })
	s.mu.Lock()
	defer s.mu.Unlock()
	s.workers = append(s.workers, p)
	return p
}

// Worker is the worker that was started last.
func (s *System) Worker() *Proc {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.workers) == 0 {
		s.t.Fatal("systest: no worker was started")
	}
	return s.workers[len(s.workers)-1]
}

// StopWorker asks the worker that was started last to end and waits for it.
func (s *System) StopWorker() {
	s.t.Helper()
	if code := s.Worker().Stop(); code != 0 {
		s.t.Fatalf("systest: the worker ended with exit code %d", code)
	}
}

// StartAPI starts an API, with extra settings, and waits until it listens.
func (s *System) StartAPI(settings ...string) *Proc {
	s.t.Helper()
	p := s.Launch(API, []string{"api"}, settings...)
	p.address()
	return p
}

// URL is the root of what a simulator or an API serves.
func (p *Proc) URL() string { return "http://" + p.address() }

// Logs is what all processes have written.
func (s *System) Logs() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all strings.Builder
	for _, p := range s.procs {
		all.WriteString(p.Log())
	}
	return all.String()
}

// end kills what still runs. A failed test shows what the processes said and
// how far the runs have come.
func (s *System) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.procs {
		p.Kill9()
	}
	_, isBenchmark := s.t.(*testing.B)
	if !s.t.Failed() && !s.opts.leaksAllowed && !isBenchmark {
		for _, leak := range s.leaks() {
			s.t.Errorf("systest: a planted secret stands in %s", leak)
		}
	}
	if !s.t.Failed() {
		return
	}
	for _, syncType := range task.SyncTypes {
		s.t.Logf("---- %s", s.events(workflows.SyncWorkflowID(syncType)))
	}
	for _, p := range s.procs {
		s.t.Logf("---- %s (exit %d)\n%s", p.Name, p.cmd.ProcessState.ExitCode(), p.tail())
	}
}
