package workflows_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"tasksync/activities"
	"tasksync/task"
	"tasksync/workflows"
)

// a names the activities, so that a rename breaks compilation.
var a *activities.Activities

const lockTimeout = 30 * time.Minute

// fixture is a run in the SDK's test environment, where time skips. Its record
// opens with id 7; what a test does not replace succeeds.
type fixture struct {
	*testsuite.TestWorkflowEnvironment
	t *testing.T

	// failingOpens is how often opening the record fails first.
	failingOpens int

	mu     sync.Mutex
	closes []activities.CloseInput
	saved  []task.Attempt
}

func setup(t *testing.T) *fixture {
	t.Helper()
	t.Parallel()
	suite := testsuite.WorkflowTestSuite{}
	f := &fixture{TestWorkflowEnvironment: suite.NewTestWorkflowEnvironment(), t: t}
	f.RegisterActivity(a)
	f.RegisterWorkflow(workflows.SyncWorkflow)
	f.RegisterWorkflow(workflows.ScheduledSync)
	f.SetTestTimeout(30 * time.Second)
	f.OnActivity(a.OpenRecord, mock.Anything, mock.Anything).Return(func(context.Context, activities.OpenInput) (activities.Opened, error) {
		if f.failingOpens > 0 {
			f.failingOpens--
			return activities.Opened{}, appError(task.CodeInternal)
		}
		return activities.Opened{RecordID: 7, LockedBy: "host-1", MaxRetries: 3, BatchSize: 50}, nil
	}).Maybe()
	f.OnActivity(a.SaveAttempt, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.AttemptInput) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.saved = append(f.saved, in.Attempt)
		return nil
	}).Maybe()
	return f
}

// closesAs lets CloseRecord answer what it is told, success where it is told
// nothing.
func (f *fixture) closesAs() {
	f.OnActivity(a.CloseRecord, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.CloseInput) (activities.Closed, error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.closes = append(f.closes, in)
		status := in.Status
		if status == "" {
			status = task.Success
		}
		return activities.Closed{RecordID: in.RecordID, Status: status, Code: in.Code, Message: in.Message}, nil
	})
}

func (f *fixture) run() (workflows.SyncResult, error) {
	f.t.Helper()
	f.ExecuteWorkflow(workflows.SyncWorkflow, workflows.SyncInput{
		Type: task.Today, Trigger: task.Manual, RecordID: 7, LockedBy: "host-1", Actor: "api", LockTimeout: lockTimeout,
	})
	require.True(f.t, f.IsWorkflowCompleted())
	if err := f.GetWorkflowError(); err != nil {
		return workflows.SyncResult{}, err
	}
	var out workflows.SyncResult
	require.NoError(f.t, f.GetWorkflowResult(&out))
	return out, nil
}

func (f *fixture) closed() activities.CloseInput {
	f.t.Helper()
	require.Len(f.t, f.closes, 1)
	return f.closes[0]
}

func (f *fixture) waits() []time.Duration {
	var waits []time.Duration
	for _, s := range f.saved {
		waits = append(waits, s.Wait)
	}
	return waits
}

func appError(code task.Code, details ...any) error {
	permanent := code == task.CodeSourceAuth || code == task.CodeSourceContract || code == task.CodeRecordClosed
	return temporal.NewApplicationErrorWithOptions("原因", string(code), temporal.ApplicationErrorOptions{NonRetryable: permanent, Details: details})
}

func requireCode(t *testing.T, err error, code task.Code) {
	t.Helper()
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.Equal(t, string(code), app.Type())
}
