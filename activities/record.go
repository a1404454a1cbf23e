package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"

	"tasksync/task"
)

type recordStore interface {
	OpenRecord(ctx context.Context, o task.Opening, zone *time.Location) (task.Record, error)
	CloseRecord(ctx context.Context, c task.Closing) (task.Record, error)
	ReopenRecord(ctx context.Context, recordID int64) (task.Record, error)
	Record(ctx context.Context, id int64) (task.Record, error)
	RecordOf(ctx context.Context, workflowID, firstRunID string) (task.Record, error)
	RunningRecords(ctx context.Context) ([]task.Record, error)
	SetAlarm(ctx context.Context, recordID int64, message string) error
	SaveAttempts(ctx context.Context, recordID int64, attempts []task.Attempt) error
	DeleteOldRecords(ctx context.Context, before time.Time, limit int) (int, error)
}

// OpenInput says which run opens its record.
type OpenInput struct {
	// RecordID is 0 for a run that nobody gave an id.
	RecordID   int64         `json:"record_id,omitempty"`
	Type       task.SyncType `json:"type"`
	Trigger    task.Trigger  `json:"trigger"`
	WorkflowID string        `json:"workflow_id"`
	FirstRunID string        `json:"first_run_id"`
	StartTime  time.Time     `json:"start_time"`
	// At is the time that the window belongs to.
	At time.Time `json:"at"`
	// LockedBy is "" for a scheduled run: then this worker holds the lock.
	LockedBy string `json:"locked_by,omitempty"`
	Actor    string `json:"actor"`
}

// Opened is an open record and the settings that its run goes by.
type Opened struct {
	RecordID   int64       `json:"record_id"`
	Window     task.Window `json:"window"`
	LockedBy   string      `json:"locked_by"`
	MaxRetries int         `json:"max_retries"`
	BatchSize  int         `json:"batch_size"`
}

// OpenRecord inserts the running record of the execution, or finds the one
// that an earlier attempt inserted. It fails with task.CodeRecordClosed if that
// one is closed. It runs as a local activity.
func (a *Activities) OpenRecord(ctx context.Context, in OpenInput) (Opened, error) {
	lockedBy := in.LockedBy
	if lockedBy == "" {
		lockedBy = a.cfg.LockedBy
	}
	if err := a.closeDead(ctx, in.WorkflowID, in.FirstRunID); err != nil {
		return Opened{}, applicationError(ctx, err)
	}
	opening := task.Opening{
		RecordID: in.RecordID, Type: in.Type, Trigger: in.Trigger, WorkflowID: in.WorkflowID, FirstRunID: in.FirstRunID,
		StartTime: in.StartTime, Window: task.WindowAt(in.Type, in.At, a.cfg.Zone), LockedBy: lockedBy, Actor: in.Actor,
		MaxRetries: a.cfg.MaxRetries,
	}
	if in.Trigger == task.Auto {
		opening.ScheduledAt = &in.At
	}
	if in.RecordID == 0 {
		id, err := a.recordID(ctx, in)
		if err != nil {
			return Opened{}, applicationError(ctx, err)
		}
		opening.RecordID = id
	}
	rec, err := a.store.OpenRecord(ctx, opening, a.cfg.Zone)
	if err == nil && rec.Status != task.Running {
		err = task.Errorf(task.CodeRecordClosed, "同步记录 %d 已结束", rec.ID)
	}
	return a.opened(rec), applicationError(ctx, err)
}

// recordID is the id for a run that nobody gave one: that of its record, if an
// earlier attempt has opened it, else the next.
func (a *Activities) recordID(ctx context.Context, in OpenInput) (int64, error) {
	rec, err := a.store.RecordOf(ctx, in.WorkflowID, in.FirstRunID)
	if task.CodeOf(err) == task.CodeNotFound {
		return a.executions.NextRecordID(ctx)
	}
	return rec.ID, err
}

// closeDead closes what an earlier execution of the workflow ID left running,
// with the reason that Temporal has. Where that cannot be had now, the store
// closes the record in words of its own.
func (a *Activities) closeDead(ctx context.Context, workflowID, firstRunID string) error {
	running, err := a.store.RunningRecords(ctx)
	if err != nil {
		return err
	}
	for _, rec := range running {
		if rec.WorkflowID != workflowID || rec.FirstRunID == firstRunID {
			continue
		}
		if err := a.closeIfLost(ctx, rec, &LostResult{}); err != nil {
			activity.GetLogger(ctx).Warn("why a lost run ended cannot be had now", "record", rec.ID, "error", err)
		}
	}
	return nil
}

func (a *Activities) opened(rec task.Record) Opened {
	window := task.Window{From: rec.Window.From.In(a.cfg.Zone), To: rec.Window.To.In(a.cfg.Zone)}
	return Opened{
		RecordID: rec.ID, Window: window, LockedBy: rec.LockedBy, MaxRetries: rec.MaxRetries, BatchSize: a.cfg.BatchSize,
	}
}

// ReopenInput names the execution of a run that was reset.
type ReopenInput struct {
	WorkflowID string `json:"workflow_id"`
	FirstRunID string `json:"first_run_id"`
	RunID      string `json:"run_id"`
}

// ReopenRecord makes a closed record running again for the execution that it
// belongs to, if that execution is the current one of its workflow ID: so a
// reset goes on with its own record. Otherwise it fails with
// task.CodeRecordClosed.
func (a *Activities) ReopenRecord(ctx context.Context, in ReopenInput) (Opened, error) {
	rec, err := a.reopen(ctx, in)
	return a.opened(rec), applicationError(ctx, err)
}

func (a *Activities) reopen(ctx context.Context, in ReopenInput) (task.Record, error) {
	rec, err := a.store.RecordOf(ctx, in.WorkflowID, in.FirstRunID)
	if task.CodeOf(err) == task.CodeNotFound {
		return rec, task.Errorf(task.CodeRecordClosed, "这次运行的同步记录已不在数据库中（数据库可能恢复到了较早的时间），运行已停止；请重新同步")
	}
	if err != nil || rec.Status == task.Running {
		return rec, err
	}
	current, err := a.executions.Current(ctx, in.WorkflowID)
	if err != nil {
		return rec, err
	}
	if !current.Open || current.RunID != in.RunID {
		return rec, task.Errorf(task.CodeRecordClosed, "同步记录 %d 已结束，这次运行已不是当前运行", rec.ID)
	}
	// A reset of an old run ends a newer one, whose record is then dead.
	if err := a.closeDead(ctx, in.WorkflowID, in.FirstRunID); err != nil {
		return rec, err
	}
	return a.store.ReopenRecord(ctx, rec.ID)
}

// CloseInput says how a run ended.
type CloseInput struct {
	RecordID int64     `json:"record_id"`
	EndTime  time.Time `json:"end_time"`
	// Status is "" for a run that went to its end.
	Status     task.Status    `json:"status,omitempty"`
	Code       task.Code      `json:"code,omitempty"`
	Message    string         `json:"message,omitempty"`
	RetryCount int            `json:"retry_count"`
	Attempts   []task.Attempt `json:"attempts,omitempty"`
	Complete   bool           `json:"complete"`
	// Pages is how many pages a run that went to its end has fetched.
	Pages int `json:"pages,omitempty"`
	// Token names this closing of this execution.
	Token string `json:"token"`
}

// Closed is a record as it was closed.
type Closed struct {
	RecordID int64       `json:"record_id"`
	Status   task.Status `json:"status"`
	Counts   task.Counts `json:"counts"`
	Code     task.Code   `json:"error_type,omitempty"`
	Message  string      `json:"error_message,omitempty"`
}

// CloseRecord adds up what the run committed and closes its record. It runs as
// a local activity. Done again by the same execution it answers the closed
// record; a record that somebody else closed fails with task.CodeRecordClosed.
func (a *Activities) CloseRecord(ctx context.Context, in CloseInput) (Closed, error) {
	rec, err := a.store.CloseRecord(ctx, task.Closing{
		RecordID: in.RecordID, EndTime: in.EndTime, Status: in.Status, ErrorType: in.Code, ErrorMessage: in.Message,
		RetryCount: in.RetryCount, Attempts: in.Attempts, Complete: in.Complete, Pages: in.Pages, Token: in.Token, Zone: a.cfg.Zone,
	})
	if task.CodeOf(err) == task.CodeRecordClosed {
		if was, readErr := a.store.Record(ctx, in.RecordID); readErr == nil && was.ClosedBy == in.Token {
			rec, err = was, nil
		}
	}
	if err != nil {
		return Closed{}, applicationError(ctx, err)
	}
	a.seen.forget(runOf(ctx, in.RecordID))
	return Closed{RecordID: rec.ID, Status: rec.Status, Counts: rec.Counts, Code: rec.ErrorType, Message: rec.ErrorMessage}, nil
}

// AttemptInput is a failed attempt of a record's run.
type AttemptInput struct {
	RecordID int64        `json:"record_id"`
	Attempt  task.Attempt `json:"attempt"`
}

// SaveAttempt keeps a failed attempt as soon as it is known. It runs as a
// local activity.
func (a *Activities) SaveAttempt(ctx context.Context, in AttemptInput) error {
	return applicationError(ctx, a.store.SaveAttempts(ctx, in.RecordID, []task.Attempt{in.Attempt}))
}

// LostResult says what housekeeping found.
type LostResult struct {
	Running int `json:"running"`
	Closed  int `json:"closed"`
	Alarms  int `json:"alarms"`
}

// CloseLostRecords closes the running records whose execution is gone
// (terminated, timed out, lost), with the true reason, and puts an alarm on
// those whose workflow task fails again and again. A record that cannot be
// judged now is left for the next time.
func (a *Activities) CloseLostRecords(ctx context.Context) (LostResult, error) {
	_, stop := beat(ctx)
	defer stop()
	var out LostResult
	records, err := a.store.RunningRecords(ctx)
	if err != nil {
		return out, applicationError(ctx, err)
	}
	out.Running = len(records)
	var failed error
	for _, rec := range records {
		failed = errors.Join(failed, a.closeIfLost(ctx, rec, &out))
	}
	return out, applicationError(ctx, failed)
}

func (a *Activities) closeIfLost(ctx context.Context, rec task.Record, out *LostResult) error {
	fate, err := FateOf(ctx, a.executions, rec)
	switch {
	case err != nil:
		return err
	case fate.Wedged:
		out.Alarms++
		return a.store.SetAlarm(ctx, rec.ID, "工作流任务反复失败，运行停住了：请在 Temporal Web UI 查看 WorkflowTaskFailed 的原因，部署修复后会自动继续")
	case fate.Alive:
		return nil
	}
	closed, err := CloseLost(ctx, a.store, rec, fate.Ending, a.cfg.Zone)
	if closed {
		out.Closed++
		activity.GetLogger(ctx).Warn("closed the record of a lost run", "record", rec.ID, "reason", fate.Ending.Message)
	}
	return err
}

// deleteRows bounds one delete of old records.
const deleteRows = 200

// CleanResult says what the daily cleaning deleted.
type CleanResult struct {
	Deleted int `json:"deleted"`
}

// DeleteOldRecords deletes the finished records that are older than the
// retention, a few at a time, with what hangs on them. The daily statistics
// stay.
func (a *Activities) DeleteOldRecords(ctx context.Context) (CleanResult, error) {
	report, stop := beat(ctx)
	defer stop()
	var out CleanResult
	before := time.Now().Add(-a.cfg.Retention)
	for {
		n, err := a.store.DeleteOldRecords(ctx, before, deleteRows)
		if err != nil {
			return out, applicationError(ctx, err)
		}
		out.Deleted += n
		report(Progress{Tasks: out.Deleted})
		if n < deleteRows {
			return out, nil
		}
	}
}
