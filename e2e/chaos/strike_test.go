package chaos_test

import (
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"tasksync/guanke/sim"
	"tasksync/workflows"
)

// paced is a source that works, at its pace.
var paced = sim.Faults{Latency: pace}

// await waits for a strike's moment. It answers false if the run ended before.
func (l *lane) await(r *run, s strike) (hit bool, err error) {
	looked := time.Now()
	err = l.until("the moment of "+s.Kind, func() (bool, error) {
		reached, ended, err := l.reached(r, s)
		hit = reached
		if time.Since(looked) > 10*pollEvery {
			looked = time.Now()
			l.keepPace()
		}
		return reached || ended, err
	})
	return hit, err
}

// keepPace gives a source whose faults have ended its pace again.
func (l *lane) keepPace() {
	if a, err := l.s.Try(l.ctx, "GET", l.s.SimURL+"/_sim/faults", ""); err == nil && a.At("latency") == nil {
		l.setFaults(paced)
	}
}

// hit does what a strike says.
func (l *lane) hit(r *run, s strike) error {
	switch s.Kind {
	case "kill worker":
		l.kill9(l.workers[s.Worker])
		time.Sleep(s.Down)
		l.workers[s.Worker] = l.newWorker()
	case "kill API":
		l.kill9(l.api)
		time.Sleep(s.Down)
		l.startAPI()
	case "kill PostgreSQL":
		l.s.Postgres.Kill9()
		time.Sleep(s.Down)
		l.s.Postgres.Start()
	case "kill Temporal":
		l.s.Server.Kill9()
		time.Sleep(s.Down)
		l.s.Server.Restart()
	case "kill all":
		l.killAll(s.Down)
	case "terminate":
		return l.order(r, func(id string) error {
			return l.s.Temporal.TerminateWorkflow(l.ctx, id, "", "chaos")
		})
	case "cancel":
		return l.order(r, func(id string) error { return l.s.Temporal.CancelWorkflow(l.ctx, id, "") })
	case "reset", "reset after the end":
		return l.order(r, func(id string) error { return l.reset(id, s.Back) })
	default:
		if s.Faults != nil {
			l.setFaults(*s.Faults)
			return nil
		}
		return l.setChanges(*s.Changes)
	}
	return nil
}

// killAll is the end of the machine, and its next start.
func (l *lane) killAll(down time.Duration) {
	l.s.Server.Kill9()
	for _, w := range l.workers {
		l.kill9(w)
	}
	l.s.Postgres.Kill9()
	l.kill9(l.api)
	time.Sleep(down)
	l.s.Postgres.Start()
	l.s.Server.Restart()
	for i := range l.workers {
		l.workers[i] = l.newWorker()
	}
	l.startAPI()
}

// order gives Temporal an order about a run; one that has ended takes none.
func (l *lane) order(r *run, give func(workflowID string) error) error {
	return l.until("an order to Temporal", func() (bool, error) {
		err := give(workflows.SyncWorkflowID(r.syncType))
		var notFound *serviceerror.NotFound
		if errors.As(err, &notFound) {
			return true, nil
		}
		return err == nil, err
	})
}

// reset sends a workflow ID's current execution back to one of its workflow
// tasks, as an operator does in the Web UI.
func (l *lane) reset(id string, back float64) error {
	var done []int64
	events := l.s.Temporal.GetWorkflowHistory(l.ctx, id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		if err != nil {
			return err
		}
		if e.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			done = append(done, e.GetEventId())
		}
	}
	if len(done) == 0 {
		return errors.New("no workflow task to go back to")
	}
	desc, err := l.s.Temporal.DescribeWorkflowExecution(l.ctx, id, "")
	if err != nil {
		return err
	}
	_, err = l.s.Temporal.ResetWorkflowExecution(l.ctx, &workflowservice.ResetWorkflowExecutionRequest{
		Namespace: l.s.Namespace, WorkflowExecution: desc.GetWorkflowExecutionInfo().GetExecution(), Reason: "chaos",
		WorkflowTaskFinishEventId: done[int(back*float64(len(done)-1))], RequestId: fmt.Sprint(time.Now().UnixNano()),
	})
	return err
}
