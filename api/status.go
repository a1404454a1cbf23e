package api

import (
	"context"

	"tasksync/api/apigen"
	"tasksync/task"
)

// ShowStatus answers GET /api/sync/status. The locks are read before the
// records, so that a run which ends in between does not show as a running
// record that nobody holds.
func (s *server) ShowStatus(ctx context.Context, _ apigen.ShowStatusRequestObject) (apigen.ShowStatusResponseObject, error) {
	ctx = requestContext(ctx)
	locks, err := s.runs.Locks(ctx)
	if err != nil {
		return nil, err
	}
	latest, err := s.records.Latest(ctx)
	if err != nil {
		return nil, err
	}
	of := func(t task.SyncType) apigen.TypeStatus {
		var status apigen.TypeStatus
		if lock, ok := locks[t]; ok {
			status.Syncing, status.LockedBy = true, textOrNull(lock.By)
		}
		if record, ok := latest[t]; ok {
			status.LastSync = s.lastSync(record)
		}
		return status
	}
	return apigen.ShowStatus200JSONResponse{Success: true, Data: apigen.StatusData{
		Historical: of(task.Historical), Today: of(task.Today),
	}}, nil
}

// lastSync leaves tasks_total out while the record is running.
func (s *server) lastSync(r task.Record) *apigen.LastSync {
	last := &apigen.LastSync{ID: r.ID, Status: apigen.Status(r.Status), StartTime: s.time(r.StartTime)}
	if r.Status != task.Running {
		last.TasksTotal = &r.Counts.Total
	}
	return last
}
