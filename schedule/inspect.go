package schedule

import (
	"context"
	"fmt"
	"slices"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"tasksync/task"
)

// Inspection compares one schedule with the settings.
type Inspection struct {
	ID string
	// Missing is true if Temporal does not have it; then the rest is empty.
	Missing bool
	// Differs says in Chinese how it differs from the settings.
	Differs []string
	Paused  bool
	Note    string
	// Created and Updated are when it was made and last changed, by a pause too.
	Created, Updated time.Time
	// LastSlot is the nominal time of its last action, zero if there was none.
	LastSlot time.Time
	// SkippedOverlap and MissedCatchUp count the slots that were left out since
	// the schedule was made: an earlier one still ran, or Temporal was away for
	// longer than the catch-up window.
	SkippedOverlap, MissedCatchUp int
}

// Inspect compares all schedules with the settings.
func (s *Schedules) Inspect(ctx context.Context) ([]Inspection, error) {
	var all []Inspection
	for _, want := range s.options() {
		desc, err := s.temporal.ScheduleClient().GetHandle(ctx, want.ID).Describe(ctx)
		if err = translate(want.ID, err); task.CodeOf(err) == task.CodeNotFound {
			all = append(all, Inspection{ID: want.ID, Missing: true})
			continue
		} else if err != nil {
			return nil, err
		}
		found := Inspection{
			ID: want.ID, Paused: desc.Schedule.State.Paused, Note: desc.Schedule.State.Note, Differs: differences(want, desc.Schedule),
			Created: desc.Info.CreatedAt, Updated: desc.Info.LastUpdateAt,
			SkippedOverlap: desc.Info.NumActionsSkippedOverlap, MissedCatchUp: desc.Info.NumActionsMissedCatchupWindow,
		}
		if recent := desc.Info.RecentActions; len(recent) > 0 {
			found.LastSlot = recent[len(recent)-1].ScheduleTime
		}
		all = append(all, found)
	}
	return all, nil
}

// differences says how a schedule differs from what Ensure would make of it.
func differences(want client.ScheduleOptions, have client.Schedule) []string {
	var found []string
	differ := func(what string, have, want any) {
		if have != want {
			found = append(found, fmt.Sprintf("%s是 %v，设置是 %v", what, have, want))
		}
	}
	differ("时间", timesOf(have.Spec), timesOf(&want.Spec))
	if len(want.Spec.CronExpressions) > 0 {
		differ("时区", have.Spec.TimeZoneName, want.Spec.TimeZoneName)
	}
	if have.Policy != nil {
		differ("重叠策略", have.Policy.Overlap, want.Overlap)
		differ("补跑时限", have.Policy.CatchupWindow, want.CatchupWindow)
	}
	wanted, isWorkflow := want.Action.(*client.ScheduleWorkflowAction)
	action, ok := have.Action.(*client.ScheduleWorkflowAction)
	if !ok || !isWorkflow {
		return append(found, "动作不是启动工作流")
	}
	differ("任务队列", action.TaskQueue, wanted.TaskQueue)
	differ("执行时限", action.WorkflowExecutionTimeout, wanted.WorkflowExecutionTimeout)
	if !slices.Equal(encoded(action.Args), encoded(wanted.Args)) {
		found = append(found, "工作流的参数与设置不同")
	}
	return found
}

// timesOf is when a spec acts: its crons, which Temporal shows as the comments
// of calendars, or its interval.
func timesOf(spec *client.ScheduleSpec) string {
	var times []string
	for _, cron := range spec.CronExpressions {
		// The expression is there twice, see cron.
		times = append(times, cron[:(len(cron)-len(" # "))/2])
	}
	for _, c := range spec.Calendars {
		if c.Comment == "" {
			times = append(times, "（没有说明的日历）")
			continue
		}
		times = append(times, c.Comment)
	}
	for _, i := range spec.Intervals {
		times = append(times, "每 "+i.Every.String())
	}
	return fmt.Sprint(slices.Compact(times))
}

// encoded are arguments as Temporal keeps them.
func encoded(args []any) []string {
	texts := make([]string, len(args))
	for i, arg := range args {
		payload, ok := arg.(*commonpb.Payload)
		if !ok {
			var err error
			if payload, err = converter.GetDefaultDataConverter().ToPayload(arg); err != nil {
				texts[i] = err.Error()
				continue
			}
		}
		texts[i] = string(payload.GetData())
	}
	return texts
}
