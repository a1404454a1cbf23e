package chaos_test

import (
	"encoding/json"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"

	"tasksync/task"
)

// try is a failed attempt: a step, and the workflow's time when it learnt.
type try struct {
	Step string
	At   time.Time
}

func (t try) String() string { return fmt.Sprintf("%s %s", t.At.Format(time.StampMicro), t.Step) }

// tried is what Temporal's histories say about failed attempts.
type tried struct {
	failed map[try]bool
	// open are the times of workflow tasks that did not complete.
	open map[time.Time]bool
	// mute says that a cancel came, after which failures are not attempts.
	mute bool
}

// history is one execution being read.
type history struct {
	tried
	steps    map[int64]string
	failures []string
	started  time.Time
}

// holdAttempts holds a record's attempts to Temporal's histories: every failed
// one is kept, and none that there was not.
func (e *episode) holdAttempts(rec task.Record) error {
	want, err := e.histories(rec)
	if err != nil {
		return err
	}
	type row struct {
		Step, Kind, Outcome string
		At                  time.Time
	}
	rows, err := ask[row](e.lane, "SELECT step, kind, outcome, at FROM sync_attempts WHERE record_id = $1", rec.ID)
	if err != nil {
		return err
	}
	retried := map[string]int{}
	have := map[try]bool{}
	var invented, missing []string
	for _, r := range rows {
		t := try{r.Step, micro(r.At)}
		have[t] = true
		// A terminated run may have been in the middle of noting it.
		if !want.failed[t] && (rec.ClosedBy != "" || !want.open[t.At]) {
			invented = append(invented, t.String())
		}
		if r.Outcome == task.OutcomeRetried && (r.Kind == string(task.AttemptSource) || r.Kind == string(task.AttemptInternal)) {
			retried[r.Step]++
		}
	}
	for t := range want.failed {
		// Nobody closed a terminated run's record with what it remembered.
		if !have[t] && !want.mute && rec.ClosedBy != "" {
			missing = append(missing, t.String())
		}
	}
	e.failRows(tries, fmt.Sprintf("record %d keeps attempts that Temporal does not know", rec.ID), invented)
	e.failRows(tries, fmt.Sprintf("record %d lacks attempts", rec.ID), missing)
	most := 0
	for _, n := range retried {
		most = max(most, n)
	}
	if rec.RetryCount > rec.MaxRetries || rec.RetryCount > most || rec.RetryCount == 0 && most > 0 && rec.ClosedBy != "" && !e.plan.has("reset", "reset after the end") {
		e.fail(tries, "record %d: retry_count %d of %d, while one step was retried %d times", rec.ID, rec.RetryCount, rec.MaxRetries, most)
	}
	return nil
}

// histories reads all executions that a record belongs to: a reset makes one
// more.
func (e *episode) histories(rec task.Record) (tried, error) {
	all := tried{failed: map[try]bool{}, open: map[time.Time]bool{}}
	err := e.until("Temporal's histories", func() (bool, error) {
		found := false
		list, err := e.s.Temporal.ListWorkflow(e.ctx, &workflowservice.ListWorkflowExecutionsRequest{
			Namespace: e.s.Namespace, Query: fmt.Sprintf("WorkflowId = '%s' AND StartTime >= '%s'", rec.WorkflowID,
				rec.StartTime.Add(-time.Second).UTC().Format(time.RFC3339)),
		})
		if err != nil {
			return false, err
		}
		for _, info := range list.GetExecutions() {
			mine, err := e.read(rec, info.GetExecution().GetRunId(), &all)
			if err != nil {
				return false, err
			}
			found = found || mine
		}
		return found, nil
	})
	return all, err
}

// read reads one execution, if it is the record's.
func (e *episode) read(rec task.Record, runID string, all *tried) (mine bool, err error) {
	h := history{tried: *all, steps: map[int64]string{}}
	events := e.s.Temporal.GetWorkflowHistory(e.ctx, rec.WorkflowID, runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			return mine, err
		}
		if first := event.GetWorkflowExecutionStartedEventAttributes(); first != nil && first.GetFirstExecutionRunId() != rec.FirstRunID {
			return false, nil
		}
		mine = true
		h.add(event)
	}
	if !h.started.IsZero() {
		h.open[h.started] = true
	}
	all.mute = all.mute || h.mute
	return mine, nil
}

func (h *history) add(e *historypb.HistoryEvent) {
	switch e.GetEventType() {
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
		a := e.GetActivityTaskScheduledEventAttributes()
		h.steps[e.GetEventId()] = stepOf(a.GetActivityType().GetName(), a.GetInput().GetPayloads()[0].GetData())
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_FAILED:
		a := e.GetActivityTaskFailedEventAttributes()
		h.failure(h.steps[a.GetScheduledEventId()], a.GetFailure())
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT:
		h.failure(h.steps[e.GetActivityTaskTimedOutEventAttributes().GetScheduledEventId()], nil)
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCELED:
		h.failure(h.steps[e.GetActivityTaskCanceledEventAttributes().GetScheduledEventId()], nil)
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED:
		h.mute = true
	case enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED:
		if !h.started.IsZero() {
			h.open[h.started] = true
		}
		h.started = micro(e.GetEventTime().AsTime())
	case enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
		for _, step := range h.failures {
			h.failed[try{step, h.started}] = true
		}
		h.failures, h.started = nil, time.Time{}
	case enumspb.EVENT_TYPE_MARKER_RECORDED:
		h.marker(e.GetMarkerRecordedEventAttributes())
	}
}

// failure notes a failed activity, which the workflow learns in its next task.
// A step that was refused because its record is closed reopens it instead.
func (h *history) failure(step string, f *failurepb.Failure) {
	if f.GetApplicationFailureInfo().GetType() != string(task.CodeRecordClosed) {
		h.failures = append(h.failures, step)
	}
}

// marker notes a failed local activity: its time is in the marker.
func (h *history) marker(m *historypb.MarkerRecordedEventAttributes) {
	if m.GetFailure() == nil || m.GetFailure().GetApplicationFailureInfo().GetType() == string(task.CodeRecordClosed) {
		return
	}
	var data struct {
		ActivityType string
		ReplayTime   time.Time
	}
	for _, p := range m.GetDetails()["data"].GetPayloads() {
		if json.Unmarshal(p.GetData(), &data) != nil {
			return
		}
	}
	if step := stepOf(data.ActivityType, nil); step != "" {
		h.failed[try{step, micro(data.ReplayTime)}] = true
	}
}

// stepOf is the step that an activity of a run is; "" if it is none.
func stepOf(activity string, input []byte) string {
	var in struct {
		Seq     int `json:"seq"`
		FromSeq int `json:"from_seq"`
	}
	// The local ones have no input here, and need none.
	_ = json.Unmarshal(input, &in)
	switch activity {
	case "OpenRecord":
		return "open"
	case "CloseRecord":
		return "close"
	case "ReopenRecord":
		return "reopen"
	case "FetchChunk":
		return fmt.Sprintf("fetch:%d", in.Seq)
	case "MatchChunk":
		return fmt.Sprintf("match:%d", in.FromSeq)
	case "UpsertChunk":
		return fmt.Sprintf("upsert:%d", in.FromSeq)
	}
	return ""
}

// micro is a time as the database keeps it.
func micro(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
