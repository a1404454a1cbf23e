package doctor_test

import (
	"context"
	"time"

	"tasksync/doctor"
	"tasksync/schedule"
	"tasksync/task"
)

var shanghai = must(time.LoadLocation("Asia/Shanghai"))

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// now is 14:30 on a business day.
var now = time.Date(2026, 11, 23, 14, 30, 0, 0, shanghai)

// world is a system that is well until a test breaks it. It is all of
// doctor.Parts; what mends changes it.
type world struct {
	options doctor.Options

	server       task.DatabaseServer
	have, want   int64
	running      []task.Record
	records      map[string]task.Record
	latest       map[task.SyncType]task.Record
	statuses     map[int64]task.Ending
	sums         []task.WrongSums
	ids          task.Sequence
	left         []task.LeftClaim
	versions     task.PackagesVersion
	databaseErr  error
	closeErr     error
	temporalErr  error
	missing      []string
	wrong        []string
	pollers      []task.Poller
	open         []task.OpenRun
	traces       []task.RunTrace
	skipped      []string
	known        map[string]bool
	fates        map[int64]task.Fate
	inspections  []schedule.Inspection
	sourceErr    error
	sourceClock  time.Duration
	sourceSilent bool
}

func healthy() *world {
	w := &world{
		options: doctor.Options{
			Zone: shanghai, Namespace: "default", LockTimeout: 30 * time.Minute, ManualWait: 50 * time.Second, Housekeeping: 5 * time.Minute,
			Connections: 14, Crons: map[task.SyncType]string{task.Historical: "0 1,10,15,21 * * *", task.Today: "0 9-23 * * *"},
		},
		server: task.DatabaseServer{MaxConnections: 100, InUse: 10, ZoneNow: "2026-11-23 14", OurZoneNow: "2026-11-23 14"},
		have:   1, want: 1,
		latest: map[task.SyncType]task.Record{
			task.Historical: {ID: 1, StartTime: time.Date(2026, 11, 23, 10, 0, 1, 0, shanghai)},
			task.Today:      {ID: 2, StartTime: time.Date(2026, 11, 23, 14, 0, 1, 0, shanghai)},
		},
		ids:      task.Sequence{Next: 3, Largest: 2},
		versions: task.PackagesVersion{Version: 2, Seen: 2},
		pollers:  []task.Poller{{Identity: "host-1", At: now}},
	}
	for _, id := range schedule.IDs() {
		w.inspections = append(w.inspections, schedule.Inspection{
			ID: id, Created: now.AddDate(0, 0, -30), Updated: now.AddDate(0, 0, -30), LastSlot: now.Add(-30 * time.Minute),
		})
	}
	return w
}

func (w *world) run(fix bool) doctor.Report {
	p := &doctor.Parts{Options: w.options, Store: (*store)(w), Runs: (*runs)(w), Schedules: (*schedules)(w), Source: (*source)(w)}
	p.Now = func() time.Time { return now }
	return doctor.Run(context.Background(), doctor.Checks(p), fix)
}

type store world

func (s *store) Server(context.Context, *time.Location) (task.DatabaseServer, error) {
	return s.server, s.databaseErr
}
func (s *store) Schema(context.Context) (int64, int64, error) { return s.have, s.want, nil }
func (s *store) Migrate(context.Context) error                { s.have = s.want; return nil }

func (s *store) RecordOf(_ context.Context, workflowID, _ string) (task.Record, error) {
	rec, ok := s.records[workflowID]
	if !ok {
		return rec, task.Errorf(task.CodeNotFound, "没有找到")
	}
	return rec, nil
}
func (s *store) RunningRecords(context.Context) ([]task.Record, error) { return s.running, nil }
func (s *store) Latest(context.Context) (map[task.SyncType]task.Record, error) {
	return s.latest, nil
}

func (s *store) Statuses(context.Context, []int64) (map[int64]task.Ending, error) {
	return s.statuses, nil
}
func (s *store) WrongSums(context.Context) ([]task.WrongSums, error) { return s.sums, nil }
func (s *store) RecordIDs(context.Context) (task.Sequence, error)    { return s.ids, nil }
func (s *store) SkipRecordIDs(_ context.Context, above int64) error {
	s.ids.Next = max(s.ids.Next, above+1)
	return nil
}
func (s *store) LeftClaims(context.Context) ([]task.LeftClaim, error) { return s.left, nil }
func (s *store) DropClaims(_ context.Context, id int64) error {
	var left []task.LeftClaim
	for _, c := range s.left {
		if c.RecordID != id {
			left = append(left, c)
		}
	}
	s.left = left
	return nil
}

func (s *store) PackagesVersions(context.Context) (task.PackagesVersion, error) {
	return s.versions, nil
}

func (s *store) RaisePackagesVersion(_ context.Context, v int64) error {
	s.versions.Version = v
	return nil
}

type runs world

func (r *runs) Namespace(context.Context, string) error { return r.temporalErr }
func (r *runs) SearchAttributes(context.Context) ([]string, []string, error) {
	return r.missing, r.wrong, nil
}

func (r *runs) EnsureSearchAttributes(context.Context) error           { r.missing = nil; return nil }
func (r *runs) Pollers(context.Context) ([]task.Poller, error)         { return r.pollers, nil }
func (r *runs) OpenRuns(context.Context) ([]task.OpenRun, error)       { return r.open, nil }
func (r *runs) Traces(context.Context, int64) ([]task.RunTrace, error) { return r.traces, nil }
func (r *runs) Skipped(context.Context, time.Time) ([]string, error)   { return r.skipped, nil }
func (r *runs) Known(_ context.Context, _, run string) (bool, error)   { return r.known[run], nil }
func (r *runs) Fate(_ context.Context, rec task.Record) (task.Fate, error) {
	return r.fates[rec.ID], nil
}

func (r *runs) CloseLost(_ context.Context, rec task.Record, _ task.Ending) error {
	if r.closeErr != nil {
		return r.closeErr
	}
	var left []task.Record
	for _, other := range r.running {
		if other.ID != rec.ID {
			left = append(left, other)
		}
	}
	r.running = left
	return nil
}

type schedules world

func (s *schedules) Inspect(context.Context) ([]schedule.Inspection, error) {
	return s.inspections, nil
}

func (s *schedules) Ensure(context.Context) error {
	for i := range s.inspections {
		s.inspections[i].Missing, s.inspections[i].Differs = false, nil
	}
	return nil
}

type source world

func (s *source) Check(context.Context) error { return s.sourceErr }
func (s *source) ClockAhead(context.Context) (time.Duration, bool, error) {
	return s.sourceClock, !s.sourceSilent, nil
}
