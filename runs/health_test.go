package runs_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"tasksync/internal/temporaltest"
	"tasksync/runs"
	"tasksync/task"
	"tasksync/worker"
	"tasksync/workflows"
)

// fixture is a namespace with a worker whose SyncWorkflow does what a test says.
type fixture struct {
	*runs.Runs
	t         *testing.T
	client    client.Client
	namespace string
	queue     string
}

func setup(t *testing.T, run func(workflow.Context) error) *fixture {
	t.Helper()
	t.Parallel()
	server := temporaltest.Start(t)
	f := &fixture{t: t, namespace: server.Namespace(t), queue: server.TaskQueue()}
	f.client = server.Client(t, f.namespace)
	f.Runs = runs.New(f.client, nil, runs.Config{TaskQueue: f.queue, Zone: time.UTC, LockTimeout: time.Minute})
	if run != nil {
		w := sdkworker.New(f.client, f.queue, sdkworker.Options{})
		w.RegisterWorkflowWithOptions(run, workflow.RegisterOptions{Name: "SyncWorkflow"})
		require.NoError(t, w.Start())
		t.Cleanup(w.Stop)
	}
	return f
}

func (f *fixture) start(id string, attributes ...temporal.SearchAttributeUpdate) client.WorkflowRun {
	f.t.Helper()
	run, err := f.client.ExecuteWorkflow(f.t.Context(), client.StartWorkflowOptions{
		ID: id, TaskQueue: f.queue, TypedSearchAttributes: temporal.NewSearchAttributes(attributes...),
	}, "SyncWorkflow")
	require.NoError(f.t, err)
	return run
}

// skippedSlot is the workflow ID of a slot that found the lock taken.
const skippedSlot = "sync-today-2026-11-23T06:00:00Z"

func TestNamespace(t *testing.T) {
	f := setup(t, nil)
	require.NoError(t, f.Namespace(t.Context(), f.namespace))
	require.Equal(t, task.CodeNotFound, task.CodeOf(f.Namespace(t.Context(), "nowhere")))
}

func TestPollers(t *testing.T) {
	f := setup(t, nil)
	none, err := f.Pollers(t.Context())
	require.NoError(t, err)
	require.Empty(t, none)
	w := sdkworker.New(f.client, f.queue, sdkworker.Options{Identity: "host-7"})
	w.RegisterWorkflow(workflows.Cleaning)
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)
	require.Eventually(t, func() bool {
		pollers, err := f.Pollers(t.Context())
		return err == nil && len(pollers) == 1 && pollers[0].Identity == "host-7"
	}, 20*time.Second, 50*time.Millisecond)
}

// A workflow whose code fails says at what.
func TestOpenRunsTellWhyTheyAreWedged(t *testing.T) {
	f := setup(t, func(workflow.Context) error { panic("planned defect") })
	run := f.start("sync-today")
	require.Eventually(t, func() bool {
		open, err := f.OpenRuns(t.Context())
		if err != nil || len(open) != 1 || open[0].TaskAttempt < 3 {
			return false
		}
		require.Equal(t, "sync-today", open[0].WorkflowID)
		require.Equal(t, run.GetRunID(), open[0].FirstRunID)
		require.Equal(t, "SyncWorkflow", open[0].Workflow)
		require.Contains(t, open[0].Cause, "planned defect")
		return true
	}, time.Minute, 200*time.Millisecond, "attempt 3 of the workflow task")
	require.NoError(t, f.client.TerminateWorkflow(t.Context(), "sync-today", "", "test"))
	require.Eventually(t, func() bool {
		open, err := f.OpenRuns(t.Context())
		return err == nil && len(open) == 0
	}, 20*time.Second, 50*time.Millisecond, "a closed run is not open")
}

func TestTraces(t *testing.T) {
	f := setup(t, func(ctx workflow.Context) error {
		switch workflow.GetInfo(ctx).WorkflowExecution.ID {
		case "waits":
			return workflow.Sleep(ctx, time.Hour)
		case skippedSlot:
			return nil
		}
		if err := workflow.UpsertTypedSearchAttributes(ctx, workflows.AttributeStatus.ValueSet("failed")); err != nil {
			return err
		}
		return temporal.NewNonRetryableApplicationError("ended", "x", errors.New("planned"))
	})
	f.start("fails", workflows.AttributeRecordID.ValueSet(5), workflows.AttributeStatus.ValueSet("running"))
	f.start("waits", workflows.AttributeRecordID.ValueSet(6), workflows.AttributeStatus.ValueSet("running"))
	f.start("without-a-record")
	traces := func(above int64) map[int64]task.RunTrace {
		all, err := f.Traces(context.Background(), above)
		require.NoError(t, err)
		byID := map[int64]task.RunTrace{}
		for _, trace := range all {
			byID[trace.RecordID] = trace
		}
		return byID
	}
	require.Eventually(t, func() bool { return traces(0)[5].Closed && traces(0)[6].Open }, 20*time.Second, 50*time.Millisecond)
	all := traces(0)
	require.Len(t, all, 2)
	require.Equal(t, task.Failed, all[5].Status)
	require.Equal(t, "fails", all[5].WorkflowID)
	require.Equal(t, task.Running, all[6].Status)
	require.Len(t, traces(5), 1)

	known, err := f.Known(t.Context(), "fails", all[5].RunID)
	require.NoError(t, err)
	require.True(t, known)
	known, err = f.Known(t.Context(), "fails", "00000000-0000-0000-0000-000000000000")
	require.NoError(t, err)
	require.False(t, known)

	f.start(skippedSlot, workflows.AttributeStatus.ValueSet(workflows.StatusSkipped))
	var skipped []string
	require.Eventually(t, func() bool {
		skipped, err = f.Skipped(t.Context(), time.Now().Add(-time.Hour))
		return err == nil && len(skipped) > 0
	}, 20*time.Second, 50*time.Millisecond)
	require.Equal(t, []string{skippedSlot}, skipped)
	skipped, err = f.Skipped(t.Context(), time.Now().Add(time.Hour))
	require.NoError(t, err)
	require.Empty(t, skipped, "none since then")
}

func TestSearchAttributes(t *testing.T) {
	f := setup(t, nil)
	remove := func(names ...string) {
		_, err := f.client.OperatorService().RemoveSearchAttributes(t.Context(), &operatorservice.RemoveSearchAttributesRequest{
			Namespace: f.namespace, SearchAttributes: names,
		})
		require.NoError(t, err)
	}
	check := func() (missing, wrong []string) {
		missing, wrong, err := worker.CheckSearchAttributes(t.Context(), f.client, f.namespace)
		require.NoError(t, err)
		return missing, wrong
	}
	missing, wrong := check()
	require.Empty(t, missing)
	require.Empty(t, wrong)
	remove("SyncType", "SyncRecordId")
	require.Eventually(t, func() bool { missing, _ = check(); return len(missing) == 2 }, 20*time.Second, 50*time.Millisecond)
	require.Equal(t, []string{"SyncRecordId", "SyncType"}, missing)
	_, err := f.client.OperatorService().AddSearchAttributes(t.Context(), &operatorservice.AddSearchAttributesRequest{
		Namespace: f.namespace, SearchAttributes: map[string]enumspb.IndexedValueType{"SyncRecordId": enumspb.INDEXED_VALUE_TYPE_KEYWORD},
	})
	require.NoError(t, err)
	require.Eventually(t, func() bool { missing, wrong = check(); return len(wrong) == 1 }, 20*time.Second, 50*time.Millisecond)
	require.Equal(t, []string{"SyncType"}, missing)
	require.Equal(t, []string{"SyncRecordId 类型是 Keyword，应为 Int"}, wrong)
	require.Equal(t, task.CodeInvalidArgument, task.CodeOf(worker.EnsureSearchAttributes(t.Context(), f.client, f.namespace)))
	remove("SyncRecordId")
	require.Eventually(t, func() bool {
		return worker.EnsureSearchAttributes(t.Context(), f.client, f.namespace) == nil
	}, 20*time.Second, 50*time.Millisecond)
}
