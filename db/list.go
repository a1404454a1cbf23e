package db

import (
	"context"
	"encoding/json"
	"strings"

	"tasksync/db/dbsqlc"
	"tasksync/task"
)

// Record is one record by its id; task.CodeNotFound if there is none.
func (s *Store) Record(ctx context.Context, id int64) (task.Record, error) {
	row, err := s.q.Record(ctx, id)
	if err = translate(ctx, err); task.CodeOf(err) == task.CodeNotFound {
		return task.Record{}, task.Errorf(task.CodeNotFound, "同步记录 %d 不存在", id)
	} else if err != nil {
		return task.Record{}, err
	}
	return record(row), nil
}

// List is one page of the records, newest first. A page past the end is empty.
func (s *Store) List(ctx context.Context, f task.RecordFilter) (task.RecordList, error) {
	var (
		list task.RecordList
		rows []dbsqlc.SyncRecord
	)
	skip := (f.Page - 1) * f.PerPage
	err := s.inTx(ctx, func(q *dbsqlc.Queries) error {
		unread, err := q.CountUnread(ctx)
		if err != nil {
			return err
		}
		list.Unread, list.UnreadFailed = int(unread.Unread), int(unread.UnreadFailed)
		var total int64
		if f.Type == "" {
			total, err = q.CountRecords(ctx)
		} else {
			total, err = q.CountRecordsOfType(ctx, string(f.Type))
		}
		if err != nil {
			return err
		}
		list.Total = int(total)
		if skip >= list.Total {
			return nil
		}
		if f.Type == "" {
			rows, err = q.ListRecords(ctx, dbsqlc.ListRecordsParams{PerPage: int32(f.PerPage), Skip: int32(skip)})
		} else {
			rows, err = q.ListRecordsOfType(ctx, dbsqlc.ListRecordsOfTypeParams{SyncType: string(f.Type), PerPage: int32(f.PerPage), Skip: int32(skip)})
		}
		return err
	})
	list.Records = records(rows)
	return list, err
}

// Progress is how far a record has come, from what its pages and batches have
// committed; the record's own row is not touched while it runs.
func (s *Store) Progress(ctx context.Context, recordID int64) (task.Progress, error) {
	sums, err := s.q.RecordSums(ctx, recordID)
	if err != nil {
		return task.Progress{}, translate(ctx, err)
	}
	last, err := s.q.LastPassSums(ctx, recordID)
	if err != nil {
		return task.Progress{}, translate(ctx, err)
	}
	return task.Progress{Fetched: int(sums.Fetched), Stored: int(sums.Total), SourceTotal: intPointer(toldTotal(last.SourceTotal))}, nil
}

// Latest is the newest record of each type that is no backfill. A type without
// a record is not in the map.
func (s *Store) Latest(ctx context.Context) (map[task.SyncType]task.Record, error) {
	latest := make(map[task.SyncType]task.Record, len(task.SyncTypes))
	for _, t := range task.SyncTypes {
		row, err := s.q.LatestRecord(ctx, string(t))
		if err = translate(ctx, err); task.CodeOf(err) == task.CodeNotFound {
			continue
		} else if err != nil {
			return nil, err
		}
		latest[t] = record(row)
	}
	return latest, nil
}

// MarkRead marks a finished record as read by actor. A running record and one
// that is read already stay as they are; task.CodeNotFound if there is none.
func (s *Store) MarkRead(ctx context.Context, id int64, actor string) error {
	n, err := s.q.MarkRead(ctx, dbsqlc.MarkReadParams{ID: id, ReadBy: &actor})
	if err != nil || n > 0 {
		return translate(ctx, err)
	}
	_, err = s.Record(ctx, id)
	return err
}

// MarkAllRead marks all finished records as read by actor.
func (s *Store) MarkAllRead(ctx context.Context, actor string) error {
	_, err := s.q.MarkAllRead(ctx, &actor)
	return translate(ctx, err)
}

func records(rows []dbsqlc.SyncRecord) []task.Record {
	out := make([]task.Record, len(rows))
	for i, row := range rows {
		out[i] = record(row)
	}
	return out
}

func record(r dbsqlc.SyncRecord) task.Record {
	rec := task.Record{
		ID:         r.ID,
		Type:       task.SyncType(r.SyncType),
		Trigger:    task.Trigger(r.TriggerType),
		Status:     task.Status(r.Status),
		WorkflowID: r.WorkflowID,
		FirstRunID: r.FirstRunID,
		Window:     task.Window{From: r.WindowFrom, To: r.WindowTo},
		LockedBy:   r.LockedBy,
		Actor:      r.Actor,
		StartTime:  r.StartTime,
		EndTime:    r.EndTime,
		Counts: task.Counts{
			Total: int(r.TasksTotal), New: int(r.TasksNew), Updated: int(r.TasksUpdated), Unchanged: int(r.TasksUnchanged),
			Matched: int(r.TasksMatched), Pending: int(r.TasksPending), Failed: int(r.TasksFailed), Idle: int(r.TasksIdle),
			Fetched: int(r.TasksFetched), Duplicate: int(r.TasksDuplicate), Rejected: int(r.TasksRejected),
			Unstored: int(r.TasksUnstored), Unprocessed: int(r.TasksUnprocessed),
		},
		ScheduledAt: r.ScheduledAt,
		SourceTotal: intPointer(r.SourceTotal),
		Distinct:    int(r.TasksDistinct),
		RetryCount:  int(r.RetryCount),
		MaxRetries:  int(r.MaxRetries),
		IsRead:      r.IsRead,
		ReadAt:      r.ReadAt,
		CreatedAt:   r.CreatedAt,
		UpdatedAt:   r.UpdatedAt,
	}
	if r.ErrorMessage != nil {
		rec.ErrorMessage = *r.ErrorMessage
	}
	if r.ClosedBy != nil {
		rec.ClosedBy = *r.ClosedBy
	}
	if r.ErrorType != nil {
		rec.ErrorType = task.Code(*r.ErrorType)
	}
	if r.ErrorDetails.Valid && json.Unmarshal(r.ErrorDetails.RawMessage, &rec.ErrorDetails) != nil {
		// Only a hand in the database can have put something else there.
		rec.ErrorDetails = []task.ErrorDetail{{Error: "error_details 不是列表：" + string(r.ErrorDetails.RawMessage)}}
	}
	if json.Unmarshal(r.Warnings, &rec.Warnings) != nil {
		rec.Warnings = []task.Warning{{Text: "warnings 不是列表：" + string(r.Warnings)}}
	}
	return rec
}

func textPointer(s string) *string {
	if s == "" {
		return nil
	}
	s = plain(s)
	return &s
}

// plain is s as the database can store it: no foreign text, such as the reason
// that somebody gave for a termination, may keep a record from closing.
func plain(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "�"), "\x00", "�")
}
