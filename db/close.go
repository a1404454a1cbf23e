package db

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/sqlc-dev/pqtype"

	"tasksync/db/dbsqlc"
	"tasksync/task"
)

// closeParams is the final state of a record: sums, status, what people read.
// It marks the tasks that are gone.
func closeParams(ctx context.Context, q *dbsqlc.Queries, rec dbsqlc.SyncRecord, c task.Closing) (dbsqlc.CloseRecordParams, error) {
	var none dbsqlc.CloseRecordParams
	sums, err := q.RecordSums(ctx, c.RecordID)
	if err != nil {
		return none, err
	}
	last, err := q.LastPassSums(ctx, c.RecordID)
	if err != nil {
		return none, err
	}
	sourceTotal := toldTotal(last.SourceTotal)
	judge(&c, sums, last.DistinctSeen, sourceTotal)
	var warnings []task.Warning
	if c.Status == task.Success || c.Status == task.Partial {
		if warnings, err = compare(ctx, q, rec, c, int(last.DistinctSeen), sums.Unstored); err != nil {
			return none, err
		}
	}
	details, err := errorDetails(ctx, q, c.RecordID)
	if err != nil {
		return none, err
	}
	warningsJSON, err := json.Marshal(append([]task.Warning{}, warnings...))
	if err != nil {
		return none, err
	}
	end := c.EndTime
	if end.Before(rec.StartTime) {
		end = rec.StartTime
	}
	ends := task.Record{StartTime: rec.StartTime, EndTime: &end}
	duration, durationMS := int32(ends.Duration()), ends.DurationMS()
	return dbsqlc.CloseRecordParams{
		ID:               c.RecordID,
		Status:           string(c.Status),
		EndTime:          &end,
		Duration:         &duration,
		DurationMs:       &durationMS,
		TasksTotal:       int32(sums.Total),
		TasksNew:         int32(sums.New),
		TasksUpdated:     int32(sums.Updated),
		TasksUnchanged:   int32(sums.Unchanged),
		TasksMatched:     int32(sums.Matched),
		TasksPending:     int32(sums.Pending),
		TasksFailed:      int32(sums.Failed),
		TasksIdle:        int32(sums.Idle),
		TasksFetched:     int32(sums.Fetched),
		TasksDuplicate:   int32(sums.Duplicate),
		TasksRejected:    int32(sums.Rejected),
		TasksUnstored:    int32(sums.Unstored),
		TasksUnprocessed: int32(sums.Unprocessed),
		SourceTotal:      sourceTotal,
		TasksDistinct:    int32(last.DistinctSeen),
		Warnings:         warningsJSON,
		ErrorMessage:     textPointer(message(c.ErrorMessage, warnings)),
		ErrorType:        textPointer(string(c.ErrorType)),
		ErrorDetails:     pqtype.NullRawMessage{RawMessage: details, Valid: true},
		RetryCount:       min(int32(c.RetryCount), rec.MaxRetries),
		ClosedBy:         textPointer(c.Token),
	}, nil
}

// judge sets the status of a run that went to its end: partial if a task failed
// or the run does not balance, whatever the run itself thought.
func judge(c *task.Closing, sums dbsqlc.RecordSumsRow, distinct int64, sourceTotal *int32) {
	if c.Status != "" {
		return
	}
	switch {
	case c.ErrorMessage != "":
	case int64(c.Pages) > sums.Pages:
		c.ErrorType = task.CodeInternal
		c.ErrorMessage = fmt.Sprintf("拉取了 %d 页，数据库里只有 %d 页（可能切换到了落后的备库）；请再同步一次", c.Pages, sums.Pages)
	case sourceTotal != nil && int64(*sourceTotal) != distinct:
		c.ErrorType = task.CodeSourceDrift
		c.ErrorMessage = fmt.Sprintf("冠客说有 %d 个任务，读到 %d 个不同的任务；请核对冠客的数据", *sourceTotal, distinct)
	case sums.Unprocessed > 0:
		c.ErrorType = task.CodeInternal
		c.ErrorMessage = fmt.Sprintf("拉取到的任务中有 %d 个没有处理；请再同步一次", sums.Unprocessed)
	}
	c.Status = task.Success
	if sums.Failed > 0 || c.ErrorMessage != "" {
		c.Status = task.Partial
	}
	if c.ErrorMessage != "" {
		c.Complete = false
	}
}

// message is the error message with the warnings behind it.
func message(text string, warnings []task.Warning) string {
	var lines []string
	if text != "" {
		lines = append(lines, text)
	}
	for _, w := range warnings {
		lines = append(lines, "警告："+w.Text)
	}
	return strings.Join(lines, "\n")
}

func errorDetails(ctx context.Context, q *dbsqlc.Queries, recordID int64) ([]byte, error) {
	errors, err := q.FirstErrors(ctx, dbsqlc.FirstErrorsParams{RecordID: recordID, MaxErrors: maxErrorDetails})
	if err != nil {
		return nil, err
	}
	details := make([]task.ErrorDetail, len(errors))
	for i, e := range errors {
		details[i] = task.ErrorDetail{TaskID: e.TaskID, TaskName: e.TaskName, Error: e.Error}
	}
	return json.Marshal(details)
}

// compare holds what the source gave against what it gave before: in the same
// window, and at the same slot of an earlier day. distinct counts the entries of
// the last reading, unstored those that the database refused.
func compare(
	ctx context.Context, q *dbsqlc.Queries, rec dbsqlc.SyncRecord, c task.Closing, distinct int, unstored int64,
) ([]task.Warning, error) {
	var warnings []task.Warning
	if c.Complete {
		shrunk, err := markMissing(ctx, q, rec, unstored)
		if err != nil {
			return nil, err
		}
		warnings = append(warnings, shrunk...)
	}
	slot, err := compareSlot(ctx, q, rec, distinct, c.Zone)
	return append(warnings, slot...), err
}

// markMissing marks the tasks of the window that the last reading did not have
// any more. A run that shrank by more than a fifth marks none: that is rather a
// fault of the source, and the answer says so. Of what was seen, unstored tasks
// may not be among the stored ones.
func markMissing(ctx context.Context, q *dbsqlc.Queries, rec dbsqlc.SyncRecord, unstored int64) ([]task.Warning, error) {
	seen, err := q.LastPassTasks(ctx, rec.ID)
	if err != nil {
		return nil, err
	}
	stored, err := q.CountWindowTasks(ctx, dbsqlc.CountWindowTasksParams{WindowFrom: rec.WindowFrom, WindowTo: rec.WindowTo})
	if err != nil {
		return nil, err
	}
	gone := stored - (seen - unstored)
	switch {
	case gone <= 0:
		return nil, nil
	case gone*5 > stored:
		code := task.WarnShrunk
		if seen == 0 {
			code = task.WarnEmpty
		}
		text := fmt.Sprintf("冠客这次只给出 %d 个任务，而这个时间窗口此前有 %d 个；请检查冠客是否正常。已有的任务没有改动", seen, stored)
		return []task.Warning{{Code: code, Text: text}}, nil
	}
	_, err = q.MarkMissing(ctx, dbsqlc.MarkMissingParams{WindowFrom: rec.WindowFrom, WindowTo: rec.WindowTo, RecordID: rec.ID})
	return nil, err
}

// compareSlot holds a scheduled run against the last complete run of the same
// clock time in the business zone, up to a week back.
func compareSlot(ctx context.Context, q *dbsqlc.Queries, rec dbsqlc.SyncRecord, distinct int, zone *time.Location) ([]task.Warning, error) {
	if rec.ScheduledAt == nil {
		return nil, nil
	}
	at := rec.ScheduledAt.In(zone)
	var slots []time.Time
	for back := 1; back <= task.SlotDays; back++ {
		slots = append(slots, time.Date(at.Year(), at.Month(), at.Day()-back, at.Hour(), at.Minute(), at.Second(), 0, zone))
	}
	before, err := q.EarlierSlot(ctx, dbsqlc.EarlierSlotParams{SyncType: rec.SyncType, Slots: slots})
	if err = translate(ctx, err); task.CodeOf(err) == task.CodeNotFound {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	code := task.CompareSlot(distinct, int(before.TasksDistinct))
	if code == "" {
		return nil, nil
	}
	return []task.Warning{{Code: code, Text: fmt.Sprintf("冠客这次给出 %d 个任务，而 %s 的同一时刻（记录 %d）有 %d 个；请检查冠客是否正常",
		distinct, before.ScheduledAt.In(zone).Format("2006-01-02 15:04"), before.ID, before.TasksDistinct)}}, nil
}
