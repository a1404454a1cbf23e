// Package schedule keeps tasksync's Temporal schedules: the two syncs of the
// guide, housekeeping and the daily cleaning.
package schedule

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"tasksync/task"
	"tasksync/workflows"
)

const (
	// catchUp bounds how late a slot may start after Temporal was away; the
	// server's own default is a year.
	catchUp = time.Hour
	// cleaningCron is when old records are deleted, in the business zone.
	cleaningCron = "30 3 * * *"

	// HousekeepingID names the schedule that looks for lost runs.
	HousekeepingID = "housekeeping"
	// CleaningID names the schedule that deletes old records.
	CleaningID = "cleaning"
)

// ID names the schedule of a type's runs.
func ID(t task.SyncType) string { return "sync-" + string(t) }

// IDs lists all schedules in the order in which people see them.
func IDs() []string {
	return []string{ID(task.Historical), ID(task.Today), HousekeepingID, CleaningID}
}

// Config holds the settings of the schedules.
type Config struct {
	// Historical and Today are cron expressions of five fields.
	Historical, Today string
	// Zone is the business zone, in which the crons are read.
	Zone *time.Location
	// Housekeeping is how often records of lost runs are looked for.
	Housekeeping time.Duration
	// LockTimeout is the soft deadline of a run.
	LockTimeout time.Duration
	// TaskQueue is where the workers poll; "" means workflows.TaskQueue.
	TaskQueue string
}

// Schedules speaks to Temporal about schedules.
type Schedules struct {
	temporal client.Client
	cfg      Config
}

// New makes Schedules.
func New(c client.Client, cfg Config) *Schedules {
	if cfg.TaskQueue == "" {
		cfg.TaskQueue = workflows.TaskQueue
	}
	return &Schedules{temporal: c, cfg: cfg}
}

// Ensure creates the schedules, or brings their times, action and policy up to
// date; an operator's pause and note survive. Several workers may call it at
// once.
func (s *Schedules) Ensure(ctx context.Context) error {
	for _, o := range s.options() {
		if err := s.ensure(ctx, o); err != nil {
			return fmt.Errorf("ensure schedule %s: %w", o.ID, err)
		}
	}
	return nil
}

// Lost reports that Temporal does not have the schedules, or the whole
// namespace, any more, as after a loss of its data.
func (s *Schedules) Lost(ctx context.Context) (bool, error) {
	_, err := s.temporal.ScheduleClient().GetHandle(ctx, HousekeepingID).Describe(ctx)
	var (
		schedule  *serviceerror.NotFound
		namespace *serviceerror.NamespaceNotFound
	)
	if errors.As(err, &schedule) || errors.As(err, &namespace) {
		return true, nil
	}
	return false, translate(HousekeepingID, err)
}

func (s *Schedules) ensure(ctx context.Context, o client.ScheduleOptions) error {
	_, err := s.temporal.ScheduleClient().Create(ctx, o)
	if !errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		return translate(o.ID, err)
	}
	handle := s.temporal.ScheduleClient().GetHandle(ctx, o.ID)
	return translate(o.ID, handle.Update(ctx, client.ScheduleUpdateOptions{
		DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
			updated := in.Description.Schedule
			updated.Spec = &o.Spec
			updated.Action = o.Action
			updated.Policy = &client.SchedulePolicies{Overlap: o.Overlap, CatchupWindow: o.CatchupWindow}
			return &client.ScheduleUpdate{Schedule: &updated}, nil
		},
	}))
}

func (s *Schedules) options() []client.ScheduleOptions {
	return []client.ScheduleOptions{
		s.syncOptions(task.Historical, s.cfg.Historical),
		s.syncOptions(task.Today, s.cfg.Today),
		{
			ID: HousekeepingID,
			Spec: client.ScheduleSpec{
				Intervals: []client.ScheduleIntervalSpec{{Every: s.cfg.Housekeeping}},
			},
			Action:        s.upkeep(HousekeepingID, workflows.Housekeeping, "关闭已丢失的运行"),
			Overlap:       enumspb.SCHEDULE_OVERLAP_POLICY_SKIP,
			CatchupWindow: s.cfg.Housekeeping,
		},
		{
			ID:            CleaningID,
			Spec:          s.cron(cleaningCron),
			Action:        s.upkeep(CleaningID, workflows.Cleaning, "清理过期的同步记录"),
			Overlap:       enumspb.SCHEDULE_OVERLAP_POLICY_SKIP,
			CatchupWindow: 12 * time.Hour,
		},
	}
}

func (s *Schedules) syncOptions(t task.SyncType, cron string) client.ScheduleOptions {
	return client.ScheduleOptions{
		ID:   ID(t),
		Spec: s.cron(cron),
		Action: &client.ScheduleWorkflowAction{
			ID:                    ID(t),
			Workflow:              workflows.ScheduledSync,
			Args:                  []any{workflows.ScheduledInput{Type: t, LockTimeout: s.cfg.LockTimeout}},
			TaskQueue:             s.cfg.TaskQueue,
			TypedSearchAttributes: workflows.StartAttributes(t, task.Auto),
			// A slot waits for its run.
			WorkflowExecutionTimeout: workflows.ExecutionTimeout(s.cfg.LockTimeout) + time.Minute,
			StaticSummary:            t.Label() + "定时同步",
		},
		Overlap:       enumspb.SCHEDULE_OVERLAP_POLICY_SKIP,
		CatchupWindow: catchUp,
	}
}

func (s *Schedules) upkeep(id string, workflow any, summary string) *client.ScheduleWorkflowAction {
	return &client.ScheduleWorkflowAction{
		ID: id, Workflow: workflow, TaskQueue: s.cfg.TaskQueue, WorkflowExecutionTimeout: time.Hour, StaticSummary: summary,
	}
}

// cron is a spec that also keeps the expression as the calendar's comment,
// since Temporal shows calendars and not crons.
func (s *Schedules) cron(expression string) client.ScheduleSpec {
	return client.ScheduleSpec{
		CronExpressions: []string{expression + " # " + expression},
		TimeZoneName:    s.cfg.Zone.String(),
	}
}

// State is what an operator sees of a schedule.
type State struct {
	ID     string
	Paused bool
	Note   string
	// Cron is the expression that the schedule was made from, "" for an interval.
	Cron string
	// Next are the next times of action, LastActions the newest first.
	Next        []time.Time
	LastActions []time.Time
	// SkippedOverlap counts the slots that began while an earlier one ran.
	SkippedOverlap int
}

// List describes all schedules.
func (s *Schedules) List(ctx context.Context) ([]State, error) {
	states := make([]State, 0, len(IDs()))
	for _, id := range IDs() {
		desc, err := s.temporal.ScheduleClient().GetHandle(ctx, id).Describe(ctx)
		if err != nil {
			return nil, translate(id, err)
		}
		states = append(states, state(id, desc))
	}
	return states, nil
}

func state(id string, desc *client.ScheduleDescription) State {
	st := State{
		ID: id, Paused: desc.Schedule.State.Paused, Note: desc.Schedule.State.Note, Next: desc.Info.NextActionTimes,
		SkippedOverlap: desc.Info.NumActionsSkippedOverlap,
	}
	for _, c := range desc.Schedule.Spec.Calendars {
		st.Cron = c.Comment
	}
	for i := len(desc.Info.RecentActions) - 1; i >= 0; i-- {
		st.LastActions = append(st.LastActions, desc.Info.RecentActions[i].ActualTime)
	}
	return st
}

// Pause stops a schedule from acting; note says why.
func (s *Schedules) Pause(ctx context.Context, id, note string) error {
	return translate(id, s.temporal.ScheduleClient().GetHandle(ctx, id).Pause(ctx, client.SchedulePauseOptions{Note: note}))
}

// Resume lets a paused schedule act again; note says why.
func (s *Schedules) Resume(ctx context.Context, id, note string) error {
	return translate(id, s.temporal.ScheduleClient().GetHandle(ctx, id).Unpause(ctx, client.ScheduleUnpauseOptions{Note: note}))
}

// Trigger lets a schedule act now, also while it is paused.
func (s *Schedules) Trigger(ctx context.Context, id string) error {
	return translate(id, s.temporal.ScheduleClient().GetHandle(ctx, id).Trigger(ctx, client.ScheduleTriggerOptions{}))
}

func translate(id string, err error) error {
	var (
		notFound *serviceerror.NotFound
		invalid  *serviceerror.InvalidArgument
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &notFound):
		return task.Wrap(task.CodeNotFound, err, "没有定时任务 %s；现有的是 %v，由 worker 启动时建立", id, IDs())
	case errors.As(err, &invalid):
		return task.Wrap(task.CodeInvalidArgument, err, "定时任务 %s 的设置不被 Temporal 接受：%s", id, invalid.Message)
	}
	return task.Wrap(task.CodeTemporalUnavailable, err, "Temporal 暂时不可用，请检查它是否在运行")
}
