package systest

import (
	"net/http"
	"time"

	"tasksync/task"
)

// recordWait bounds how long a run of a test takes.
const recordWait = 5 * time.Minute

// Eventually waits up to a minute for a condition; what says what it waits for.
func (s *System) Eventually(what string, ok func() bool) {
	s.t.Helper()
	deadline := time.Now().Add(startWait)
	for !ok() {
		if time.Now().After(deadline) {
			s.t.Fatalf("systest: waited in vain for %s", what)
		}
		time.Sleep(pollEvery)
	}
}

// WaitReady waits until the API is ready; in a system that was started without
// a worker only until it answers.
func (s *System) WaitReady() {
	s.t.Helper()
	probe := "/readyz"
	s.mu.Lock()
	if len(s.workers) == 0 {
		probe = "/healthz"
	}
	s.mu.Unlock()
	s.Eventually(probe, func() bool {
		a, err := s.Try(s.ctx, http.MethodGet, s.APIURL+probe, "")
		return err == nil && a.Status == http.StatusOK
	})
}

// Record reads a record. The database may be away for a moment.
func (s *System) Record(id int64) task.Record {
	s.t.Helper()
	var (
		rec task.Record
		err error
	)
	s.Eventually("the database", func() bool {
		rec, err = s.Store.Record(s.ctx, id)
		return task.CodeOf(err) != task.CodeDatabaseUnavailable
	})
	if err != nil {
		s.t.Fatalf("systest: record %d: %v", id, err)
	}
	return rec
}

// WaitRecord waits until a record is there and not running, and answers it. The
// database may be away meanwhile.
func (s *System) WaitRecord(id int64) task.Record {
	s.t.Helper()
	deadline := time.Now().Add(recordWait)
	for {
		rec, err := s.Store.Record(s.ctx, id)
		switch {
		case err == nil && rec.Status != task.Running:
			return rec
		case err != nil && task.CodeOf(err) != task.CodeNotFound && task.CodeOf(err) != task.CodeDatabaseUnavailable:
			s.t.Fatalf("systest: record %d: %v", id, err)
		case time.Now().After(deadline):
			s.t.Fatalf("systest: record %d is still running after %s", id, recordWait)
		}
		time.Sleep(pollEvery)
	}
}

// WaitRunning waits until a type's newest record is running, and answers it.
func (s *System) WaitRunning(t task.SyncType) task.Record {
	s.t.Helper()
	var rec task.Record
	s.Eventually("a running record of "+string(t), func() bool {
		latest, err := s.Store.Latest(s.ctx)
		if err != nil {
			s.t.Fatalf("systest: %v", err)
		}
		rec = latest[t]
		return rec.Status == task.Running
	})
	return rec
}

// Value is the one value that a query answers.
func Value[T any](s *System, sql string, args ...any) T {
	s.t.Helper()
	var v T
	if err := s.SQL.QueryRow(s.ctx, sql, args...).Scan(&v); err != nil {
		s.t.Fatalf("systest: %s: %v", sql, err)
	}
	return v
}
