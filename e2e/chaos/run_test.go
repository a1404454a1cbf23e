package chaos_test

import (
	"fmt"
	"net/http"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"tasksync/schedule"
	"tasksync/task"
	"tasksync/workflows"
)

// run is one run of an episode.
type run struct {
	syncType task.SyncType
	// id is the record's; 0 while it is not known.
	id int64
	// after is the newest record before the run.
	after int64
	auto  bool
	// tasks is how many the source has for it.
	tasks int
}

// start starts a run as its trigger says.
func (l *lane) start(t task.SyncType, trigger task.Trigger) (*run, error) {
	r := &run{syncType: t, auto: trigger == task.Auto}
	var err error
	if r.after, err = one[int64](l, "SELECT coalesce(max(id), 0) FROM sync_records"); err != nil {
		return nil, err
	}
	if r.auto {
		return r, l.until("the schedule's trigger", func() (bool, error) {
			err := l.s.Temporal.ScheduleClient().GetHandle(l.ctx, schedule.ID(t)).Trigger(l.ctx, client.ScheduleTriggerOptions{})
			return err == nil, err
		})
	}
	return r, l.until("a start by the API", func() (bool, error) {
		a, err := l.s.Try(l.ctx, http.MethodPost, l.s.APIURL+"/api/sync/"+string(t)+"/manual?wait=false", "")
		if err != nil || a.Status != http.StatusAccepted {
			time.Sleep(20 * pollEvery)
			return false, fmt.Errorf("%w: %d %s", err, a.Status, a.Text)
		}
		r.id = int64(a.Int("record_id"))
		return true, nil
	})
}

// progress is how far a run has come: the pages and the batches that are kept.
type progress struct {
	Pages, Batches int
	Status         string
}

func (l *lane) progress(r *run) (progress, error) {
	var p progress
	if r.id == 0 {
		// A run of the schedule takes its id when it opens its record.
		err := l.s.SQL.QueryRow(l.ctx, `SELECT coalesce(min(id), 0) FROM sync_records
			WHERE id > $1 AND sync_type = $2 AND trigger_type = 'auto'`, r.after, r.syncType).Scan(&r.id)
		if err != nil || r.id == 0 {
			return p, err
		}
	}
	err := l.s.SQL.QueryRow(l.ctx, `SELECT (SELECT count(*) FROM sync_pages WHERE record_id = $1), (SELECT count(*) FROM sync_batches WHERE record_id = $1),
		coalesce((SELECT status FROM sync_records WHERE id = $1), '')`, r.id).Scan(&p.Pages, &p.Batches, &p.Status)
	return p, err
}

// reached reports whether a run has come to a strike's moment, and whether it
// has ended before.
func (l *lane) reached(r *run, s strike) (reached, ended bool, err error) {
	p, err := l.progress(r)
	if err != nil || p.Status == "" {
		return false, false, err
	}
	if p.Status != string(task.Running) {
		return s.By == byClosing, true, nil
	}
	share := func(n, size int) bool { return float64(n*size) >= s.At*float64(r.tasks) }
	switch s.By {
	case byPages:
		return share(p.Pages, l.page), false, nil
	case byBatches:
		return share(p.Batches, batchSize), false, nil
	}
	return false, false, nil
}

// batchSize is the product's default.
const batchSize = 50

// closed waits until a run's record is closed and its execution too.
func (l *lane) closed(r *run) (task.Record, error) {
	err := l.until("the end of the "+string(r.syncType)+" run", func() (bool, error) {
		p, err := l.progress(r)
		if err != nil || p.Status == "" || p.Status == string(task.Running) {
			return false, err
		}
		open, err := l.open(r.syncType)
		return open == 0, err
	})
	if err != nil || r.id == 0 {
		return task.Record{ID: r.id}, err
	}
	return l.record(r.id)
}

func (l *lane) record(id int64) (rec task.Record, err error) {
	err = l.until("record", func() (bool, error) {
		rec, err = l.s.Store.Record(l.ctx, id)
		return err == nil, err
	})
	return rec, err
}

// open is how many executions of a type's workflow ID are open, by Temporal's
// own list.
func (l *lane) open(t task.SyncType) (int64, error) {
	res, err := l.s.Temporal.CountWorkflow(l.ctx, &workflowservice.CountWorkflowExecutionsRequest{
		Namespace: l.s.Namespace,
		Query:     fmt.Sprintf("WorkflowId = '%s' AND ExecutionStatus = 'Running'", workflows.SyncWorkflowID(t)),
	})
	return res.GetCount(), err
}
