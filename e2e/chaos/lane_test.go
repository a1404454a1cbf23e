package chaos_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tasksync/guanke/sim"
	"tasksync/internal/systest"
	"tasksync/task"
)

const (
	// pollEvery is how often a condition is looked at.
	pollEvery = 10 * time.Millisecond
	// longWait bounds every wait: what takes longer is stuck.
	longWait = 5 * time.Minute
	// pagesPerWindow is how many pages the historical window is cut into.
	pagesPerWindow = 40
)

// lane is one system, on which one episode is played after the other.
type lane struct {
	t       *testing.T
	ctx     context.Context
	s       *systest.System
	api     *systest.Proc
	workers []*systest.Proc
	// names are the applications of all processes, as PostgreSQL knows them;
	// gone says which of them have been killed.
	names map[*systest.Proc]string
	gone  map[string]bool
	procs []*systest.Proc
	page  int
}

// newLane starts a system whose historical window has about that many tasks.
func newLane(t *testing.T, tasks int) *lane {
	l := &lane{t: t, ctx: t.Context(), names: map[*systest.Proc]string{}, gone: map[string]bool{}}
	perDay := (tasks + task.HistoricalDays - 1) / task.HistoricalDays
	l.page = max(1, min(1000, tasks/pagesPerWindow))
	l.s = systest.Start(t, systest.WithOwnPostgres(nil), systest.WithOwnTemporal(), systest.WithoutWorker(), systest.WithoutAPI(),
		systest.WithTasksPerDay(perDay),
		systest.WithEnv("", "TASKSYNC_HOUSEKEEPING=2s", "TASKSYNC_PAGE_SIZE="+strconv.Itoa(l.page)))
	l.startWorker()
	l.startAPI()
	return l
}

// application is the setting by which PostgreSQL knows a process.
func (l *lane) application(role string) (setting, name string) {
	name = fmt.Sprintf("%s-%d", role, len(l.names)+1)
	return "DATABASE_URL=" + l.s.DatabaseURL + "&application_name=" + name, name
}

func (l *lane) startWorker() {
	l.workers = append(l.workers, l.newWorker())
}

func (l *lane) newWorker() *systest.Proc {
	return l.launch(systest.Worker, "定时任务调度器已启动")
}

func (l *lane) startAPI() {
	l.api = l.launch(systest.API, "is listening")
	l.s.APIURL = l.api.URL()
	if err := l.until("/readyz", func() (bool, error) {
		a, err := l.s.Try(l.ctx, http.MethodGet, l.s.APIURL+"/readyz", "")
		return a.Status == http.StatusOK, err
	}); err != nil {
		l.t.Fatal(err)
	}
}

// launch starts a process and waits until it says that it is up. One that ends
// instead, because a server has just come back, is started again, as those who
// run it in production do.
func (l *lane) launch(role, up string) *systest.Proc {
	for range 20 {
		setting, name := l.application(role)
		p := l.s.Launch(role, []string{role}, setting)
		l.names[p] = name
		l.procs = append(l.procs, p)
		err := l.until("the start of "+name, func() (bool, error) {
			select {
			case <-p.Done():
				return true, nil
			default:
				return strings.Contains(p.Log(), up), nil
			}
		})
		if strings.Contains(p.Log(), up) {
			return p
		}
		if err != nil {
			l.t.Fatal(err)
		}
		l.gone[name] = true
		time.Sleep(500 * time.Millisecond)
	}
	l.t.Fatalf("%s does not start: %s", role, l.tails())
	return nil
}

// kill9 kills a process of ours.
func (l *lane) kill9(p *systest.Proc) {
	p.Kill9()
	l.gone[l.names[p]] = true
}

// workersOf brings the number of workers to n.
func (l *lane) workersOf(n int) {
	for len(l.workers) < n {
		l.startWorker()
	}
	for len(l.workers) > n {
		last := l.workers[len(l.workers)-1]
		l.workers = l.workers[:len(l.workers)-1]
		if code := last.Stop(); code != 0 {
			l.t.Errorf("%s ended with exit code %d when it was stopped", last.Name, code)
		}
		l.gone[l.names[last]] = true
	}
}

// ended are our processes that ended by themselves.
func (l *lane) ended() (names []string) {
	for p, name := range l.names {
		select {
		case <-p.Done():
			if !l.gone[name] {
				names = append(names, p.Name)
				l.gone[name] = true
			}
		default:
		}
	}
	return names
}

// until waits for a condition, an error of which is waited out too: whom it
// asks may be away.
func (l *lane) until(what string, ok func() (bool, error)) error {
	deadline := time.Now().Add(longWait)
	for {
		done, err := ok()
		switch {
		case err == nil && done:
			return nil
		case time.Now().After(deadline):
			return errors.Join(fmt.Errorf("waited in vain for %s", what), err)
		}
		time.Sleep(pollEvery)
	}
}

// ask answers the rows of a query; it asks again while the database is away.
func ask[T any](l *lane, sql string, args ...any) ([]T, error) {
	var out []T
	err := l.until("an answer of the database", func() (bool, error) {
		rows, err := l.s.SQL.Query(l.ctx, sql, args...)
		if err == nil {
			out, err = pgx.CollectRows(rows, pgx.RowToStructByPos[T])
		}
		return err == nil, err
	})
	return out, err
}

// one is the one value of a query.
func one[T any](l *lane, sql string, args ...any) (T, error) {
	var v T
	err := l.until("an answer of the database", func() (bool, error) {
		err := l.s.SQL.QueryRow(l.ctx, sql, args...).Scan(&v)
		return err == nil, err
	})
	return v, err
}

func (l *lane) setFaults(f sim.Faults) { l.s.SetFaults(text(f)) }

func (l *lane) setChanges(c sim.Changes) error {
	a := l.s.Do(l.ctx, http.MethodPut, l.s.SimURL+"/_sim/changes", text(c))
	if a.Status != http.StatusOK {
		return fmt.Errorf("changes: %d %s", a.Status, a.Text)
	}
	return nil
}
