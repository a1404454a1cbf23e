package api

import (
	"context"
	"time"

	"tasksync/api/apigen"
	"tasksync/task"
)

// The defaults of the list.
const (
	defaultPage    = 1
	defaultPerPage = 20
)

// ListRecords answers GET /api/sync/records.
func (s *server) ListRecords(ctx context.Context, request apigen.ListRecordsRequestObject) (apigen.ListRecordsResponseObject, error) {
	filter := task.RecordFilter{Page: defaultPage, PerPage: defaultPerPage}
	if p := request.Params.Page; p != nil {
		filter.Page = int(*p)
	}
	if p := request.Params.PerPage; p != nil {
		filter.PerPage = int(*p)
	}
	if t := request.Params.SyncType; t != nil {
		filter.Type = task.SyncType(*t)
	}
	list, err := s.records.List(requestContext(ctx), filter)
	if err != nil {
		return nil, err
	}
	records := make([]apigen.ListedRecord, len(list.Records))
	for i, r := range list.Records {
		records[i] = s.listed(r)
	}
	return apigen.ListRecords200JSONResponse{Success: true, Data: apigen.RecordList{
		Records:           records,
		Total:             list.Total,
		Page:              filter.Page,
		PerPage:           filter.PerPage,
		Pages:             (list.Total + filter.PerPage - 1) / filter.PerPage,
		UnreadCount:       list.Unread,
		UnreadFailedCount: list.UnreadFailed,
	}}, nil
}

// ShowRecord answers GET /api/sync/records/{id}.
func (s *server) ShowRecord(ctx context.Context, request apigen.ShowRecordRequestObject) (apigen.ShowRecordResponseObject, error) {
	record, err := s.records.Record(requestContext(ctx), request.ID)
	if err != nil {
		return nil, err
	}
	return apigen.ShowRecord200JSONResponse{Success: true, Data: s.detailed(record)}, nil
}

// MarkRecordRead answers POST /api/sync/records/{id}/read.
func (s *server) MarkRecordRead(ctx context.Context, request apigen.MarkRecordReadRequestObject) (apigen.MarkRecordReadResponseObject, error) {
	if err := s.records.MarkRead(requestContext(ctx), request.ID, actor); err != nil {
		return nil, err
	}
	return apigen.MarkRecordRead200JSONResponse{Success: true, Message: "已标记为已读"}, nil
}

// MarkAllRecordsRead answers POST /api/sync/records/read-all.
func (s *server) MarkAllRecordsRead(ctx context.Context, _ apigen.MarkAllRecordsReadRequestObject) (apigen.MarkAllRecordsReadResponseObject, error) {
	if err := s.records.MarkAllRead(requestContext(ctx), actor); err != nil {
		return nil, err
	}
	return apigen.MarkAllRecordsRead200JSONResponse{Success: true, Message: "已标记所有记录为已读"}, nil
}

// time shows t in the business zone, in whole seconds, without an offset.
func (s *server) time(t time.Time) apigen.Time {
	return t.In(s.cfg.Zone).Format("2006-01-02T15:04:05")
}

func (s *server) timeOrNull(t *time.Time) *apigen.Time {
	if t == nil {
		return nil
	}
	shown := s.time(*t)
	return &shown
}

// textOrNull is nil for "".
func textOrNull[T ~string](text T) *string {
	if text == "" {
		return nil
	}
	shown := string(text)
	return &shown
}

// durations are nil while the record is running.
func durations(r task.Record) (seconds *int, milliseconds *int64) {
	if r.EndTime == nil {
		return nil, nil
	}
	d, ms := r.Duration(), r.DurationMS()
	return &d, &ms
}

func (s *server) listed(r task.Record) apigen.ListedRecord {
	seconds, milliseconds := durations(r)
	return apigen.ListedRecord{
		ID:               r.ID,
		SyncType:         apigen.SyncType(r.Type),
		SyncTypeLabel:    r.Type.Label(),
		TriggerType:      apigen.TriggerType(r.Trigger),
		TriggerTypeLabel: r.Trigger.Label(),
		Status:           apigen.Status(r.Status),
		StatusLabel:      r.Status.Label(),
		StartTime:        s.time(r.StartTime),
		EndTime:          s.timeOrNull(r.EndTime),
		Duration:         seconds,
		DurationMs:       milliseconds,
		TasksTotal:       r.Counts.Total,
		TasksNew:         r.Counts.New,
		TasksUpdated:     r.Counts.Updated,
		TasksMatched:     r.Counts.Matched,
		TasksPending:     r.Counts.Pending,
		TasksFailed:      r.Counts.Failed,
		ErrorMessage:     textOrNull(r.ErrorMessage),
		ErrorType:        textOrNull(r.ErrorType),
		RetryCount:       r.RetryCount,
		IsRead:           r.IsRead,
	}
}

func (s *server) detailed(r task.Record) apigen.Record {
	seconds, milliseconds := durations(r)
	details := make([]apigen.ErrorDetail, len(r.ErrorDetails))
	for i, d := range r.ErrorDetails {
		details[i] = apigen.ErrorDetail{TaskID: d.TaskID, TaskName: d.TaskName, Error: d.Error}
	}
	return apigen.Record{
		ID:               r.ID,
		SyncType:         apigen.SyncType(r.Type),
		SyncTypeLabel:    r.Type.Label(),
		TriggerType:      apigen.TriggerType(r.Trigger),
		TriggerTypeLabel: r.Trigger.Label(),
		Status:           apigen.Status(r.Status),
		StatusLabel:      r.Status.Label(),
		StartTime:        s.time(r.StartTime),
		EndTime:          s.timeOrNull(r.EndTime),
		Duration:         seconds,
		DurationMs:       milliseconds,
		WindowFrom:       s.time(r.Window.From),
		WindowTo:         s.time(r.Window.To),
		TasksTotal:       r.Counts.Total,
		TasksNew:         r.Counts.New,
		TasksUpdated:     r.Counts.Updated,
		TasksUnchanged:   r.Counts.Unchanged,
		TasksMatched:     r.Counts.Matched,
		TasksPending:     r.Counts.Pending,
		TasksFailed:      r.Counts.Failed,
		TasksIdle:        r.Counts.Idle,
		TasksFetched:     r.Counts.Fetched,
		TasksDuplicate:   r.Counts.Duplicate,
		TasksRejected:    r.Counts.Rejected,
		TasksUnstored:    r.Counts.Unstored,
		TasksUnprocessed: r.Counts.Unprocessed,
		SourceTotal:      r.SourceTotal,
		Balance:          balance(r),
		Warnings:         warnings(r),
		ErrorMessage:     textOrNull(r.ErrorMessage),
		ErrorType:        textOrNull(r.ErrorType),
		ErrorDetails:     details,
		RetryCount:       r.RetryCount,
		MaxRetries:       r.MaxRetries,
		IsRead:           r.IsRead,
		ReadAt:           s.timeOrNull(r.ReadAt),
		LockedBy:         r.LockedBy,
		Actor:            r.Actor,
		WorkflowID:       r.WorkflowID,
		FirstRunID:       r.FirstRunID,
		CreatedAt:        s.time(r.CreatedAt),
		UpdatedAt:        s.time(r.UpdatedAt),
	}
}

// balance is nil while the record is running.
func balance(r task.Record) *apigen.Balance {
	if r.EndTime == nil {
		return nil
	}
	c := r.Counts
	return &apigen.Balance{
		Fetched: c.Fetched, Duplicate: c.Duplicate, Unprocessed: c.Unprocessed, Rejected: c.Rejected, Unstored: c.Unstored,
		Total: c.Total, New: c.New, Updated: c.Updated, Unchanged: c.Unchanged,
		Matched: c.Matched, Pending: c.Pending, Failed: c.Failed, Idle: c.Idle,
		SourceTotal: r.SourceTotal, Distinct: r.Distinct, Drift: r.Drift(), Balanced: r.Balanced(),
	}
}

func warnings(r task.Record) []apigen.Warning {
	shown := make([]apigen.Warning, len(r.Warnings))
	for i, w := range r.Warnings {
		shown[i] = apigen.Warning{Code: string(w.Code), Text: w.Text}
	}
	return shown
}
