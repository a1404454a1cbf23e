package db

import (
	"context"
	"time"

	"tasksync/db/dbsqlc"
	"tasksync/task"
)

// maxErrorDetails bounds error_details; all errors stay in their tables.
const maxErrorDetails = 1000

// NextRecordID takes the next record id from the sequence.
func (s *Store) NextRecordID(ctx context.Context) (int64, error) {
	id, err := s.q.NextRecordID(ctx)
	return id, translate(ctx, err)
}

// OpenRecord inserts the running record of an execution, or answers the one
// that an earlier attempt inserted. A running record of an earlier execution
// of the same workflow ID is dead, since the ID runs once at a time: it is
// closed first.
func (s *Store) OpenRecord(ctx context.Context, o task.Opening, zone *time.Location) (task.Record, error) {
	if err := s.closePredecessor(ctx, o, zone); err != nil {
		return task.Record{}, err
	}
	if o.RecordID == 0 {
		rec, err := s.RecordOf(ctx, o.WorkflowID, o.FirstRunID)
		if task.CodeOf(err) != task.CodeNotFound {
			return rec, err
		}
		if o.RecordID, err = s.NextRecordID(ctx); err != nil {
			return task.Record{}, err
		}
	}
	row, err := s.q.OpenRecord(ctx, dbsqlc.OpenRecordParams{
		ID:          o.RecordID,
		SyncType:    string(o.Type),
		TriggerType: string(o.Trigger),
		StartTime:   o.StartTime,
		MaxRetries:  int32(o.MaxRetries),
		WorkflowID:  o.WorkflowID,
		FirstRunID:  o.FirstRunID,
		WindowFrom:  o.Window.From,
		WindowTo:    o.Window.To,
		ScheduledAt: o.ScheduledAt,
		LockedBy:    o.LockedBy,
		Actor:       o.Actor,
	})
	if err != nil {
		return task.Record{}, translate(ctx, err)
	}
	return record(row), nil
}

func (s *Store) closePredecessor(ctx context.Context, o task.Opening, zone *time.Location) error {
	row, err := s.q.RunningRecordOf(ctx, o.WorkflowID)
	if err = translate(ctx, err); task.CodeOf(err) == task.CodeNotFound {
		return nil
	}
	if err != nil || row.FirstRunID == o.FirstRunID {
		return err
	}
	_, err = s.CloseRecord(ctx, task.Closing{
		RecordID:     row.ID,
		EndTime:      o.StartTime,
		Status:       task.Failed,
		ErrorType:    task.CodeTerminated,
		ErrorMessage: "运行没有收尾就结束了；下一次运行开始时关闭了这条记录",
		Zone:         zone,
	})
	if task.CodeOf(err) == task.CodeRecordClosed {
		return nil
	}
	return err
}

// CloseRecord adds up what was committed, marks the tasks that are gone, rolls
// up the record's business day and sets the final status, in one transaction.
// It fails with task.CodeRecordClosed if the record is not running.
func (s *Store) CloseRecord(ctx context.Context, c task.Closing) (task.Record, error) {
	var out dbsqlc.SyncRecord
	err := s.inTx(ctx, func(q *dbsqlc.Queries) error {
		if err := q.LockRecord(ctx, c.RecordID); err != nil {
			return err
		}
		rec, err := q.RunningRecord(ctx, c.RecordID)
		if err = translate(ctx, err); task.CodeOf(err) == task.CodeNotFound {
			return recordClosed(err)
		} else if err != nil {
			return err
		}
		if err := insertAttempts(ctx, q, c.RecordID, c.Attempts); err != nil {
			return err
		}
		params, err := closeParams(ctx, q, rec, c)
		if err != nil {
			return err
		}
		if err := q.CloseRecord(ctx, params); err != nil {
			return err
		}
		if c.Status == "" && params.TasksUnprocessed == 0 {
			if err := q.DropClaims(ctx, c.RecordID); err != nil {
				return err
			}
		}
		if err := rollUp(ctx, q, rec, c.Zone); err != nil {
			return err
		}
		out, err = q.Record(ctx, c.RecordID)
		return err
	})
	if err != nil {
		return task.Record{}, err
	}
	return record(out), nil
}

func rollUp(ctx context.Context, q *dbsqlc.Queries, rec dbsqlc.SyncRecord, zone *time.Location) error {
	if err := q.LockDays(ctx, rec.SyncType); err != nil {
		return err
	}
	y, m, d := rec.StartTime.In(zone).Date()
	return q.RollUpDay(ctx, dbsqlc.RollUpDayParams{
		Day:      time.Date(y, m, d, 0, 0, 0, 0, time.UTC),
		DayFrom:  time.Date(y, m, d, 0, 0, 0, 0, zone),
		DayTo:    time.Date(y, m, d+1, 0, 0, 0, 0, zone),
		SyncType: rec.SyncType,
	})
}

// ReopenRecord makes a closed record running again, for a run that was reset,
// and answers it. The caller has made sure that the execution is the current
// one of the record's workflow ID.
func (s *Store) ReopenRecord(ctx context.Context, recordID int64) (task.Record, error) {
	if _, err := s.q.ReopenRecord(ctx, recordID); err != nil {
		return task.Record{}, translate(ctx, err)
	}
	return s.Record(ctx, recordID)
}

// RecordOf is the record of an execution; task.CodeNotFound if it has none.
func (s *Store) RecordOf(ctx context.Context, workflowID, firstRunID string) (task.Record, error) {
	row, err := s.q.RecordByRun(ctx, dbsqlc.RecordByRunParams{WorkflowID: workflowID, FirstRunID: firstRunID})
	if err != nil {
		return task.Record{}, translate(ctx, err)
	}
	return record(row), nil
}

// RunningRecords are the records that no execution has closed yet.
func (s *Store) RunningRecords(ctx context.Context) ([]task.Record, error) {
	rows, err := s.q.RunningRecords(ctx)
	if err != nil {
		return nil, translate(ctx, err)
	}
	return records(rows), nil
}

// SetAlarm puts a message on a running record; closing replaces it.
func (s *Store) SetAlarm(ctx context.Context, recordID int64, message string) error {
	err := s.q.SetAlarm(ctx, dbsqlc.SetAlarmParams{ID: recordID, Message: textPointer(message)})
	return translate(ctx, err)
}

// DeleteOldRecords deletes at most limit finished records that were made
// before the given time, with what hangs on them, and answers how many.
func (s *Store) DeleteOldRecords(ctx context.Context, before time.Time, limit int) (int, error) {
	n, err := s.q.DeleteOldRecords(ctx, dbsqlc.DeleteOldRecordsParams{Before: before, MaxRows: int32(limit)})
	return int(n), translate(ctx, err)
}

// SaveAttempts keeps failed attempts; one that is kept already stays as it is.
func (s *Store) SaveAttempts(ctx context.Context, recordID int64, attempts []task.Attempt) error {
	return translate(ctx, insertAttempts(ctx, s.q, recordID, attempts))
}

func insertAttempts(ctx context.Context, q *dbsqlc.Queries, recordID int64, attempts []task.Attempt) error {
	if len(attempts) == 0 {
		return nil
	}
	p := dbsqlc.InsertAttemptsParams{RecordID: recordID}
	for _, a := range attempts {
		p.Steps = append(p.Steps, a.Step)
		p.Attempts = append(p.Attempts, int32(a.Attempt))
		p.Kinds = append(p.Kinds, string(a.Kind))
		p.ErrorTypes = append(p.ErrorTypes, string(a.Code))
		p.Errors = append(p.Errors, plain(a.Error))
		p.Ats = append(p.Ats, a.At)
		p.WaitsMs = append(p.WaitsMs, a.Wait.Milliseconds())
		p.Outcomes = append(p.Outcomes, a.Outcome)
		p.RunIds = append(p.RunIds, a.RunID)
	}
	return q.InsertAttempts(ctx, p)
}

// Attempts are the failed attempts of a record, oldest first.
func (s *Store) Attempts(ctx context.Context, recordID int64) ([]task.Attempt, error) {
	rows, err := s.q.Attempts(ctx, recordID)
	if err != nil {
		return nil, translate(ctx, err)
	}
	attempts := make([]task.Attempt, len(rows))
	for i, r := range rows {
		attempts[i] = task.Attempt{
			RunID: r.RunID, Step: r.Step, Attempt: int(r.Attempt), Kind: task.AttemptKind(r.Kind), Code: task.Code(r.ErrorType),
			Error: r.Error, At: r.At, Wait: time.Duration(r.WaitMs) * time.Millisecond, Outcome: r.Outcome,
		}
	}
	return attempts, nil
}
