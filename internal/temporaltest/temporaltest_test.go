package temporaltest_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"tasksync/internal/temporaltest"
)

func greet(workflow.Context) (string, error) { return "你好", nil }

func TestNamespacesRunTheSameWorkflowIDSideBySide(t *testing.T) {
	t.Parallel()
	s := temporaltest.Start(t)
	for range 2 {
		t.Run("namespace", func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			c, queue := s.Client(t, s.Namespace(t)), s.TaskQueue()
			w := worker.New(c, queue, worker.Options{})
			w.RegisterWorkflow(greet)
			require.NoError(t, w.Start())
			t.Cleanup(w.Stop)
			run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
				ID: "sync-today", TaskQueue: queue,
				WorkflowExecutionErrorWhenAlreadyStarted: true,
				TypedSearchAttributes: temporal.NewSearchAttributes(
					temporal.NewSearchAttributeKeyKeyword("SyncType").ValueSet("today"),
					temporal.NewSearchAttributeKeyInt64("SyncRecordId").ValueSet(1),
				),
			}, greet)
			require.NoError(t, err)
			var word string
			require.NoError(t, run.Get(ctx, &word))
			require.Equal(t, "你好", word)
		})
	}
}

func TestStartIsOnePerProcess(t *testing.T) {
	t.Parallel()
	require.Same(t, temporaltest.Start(t), temporaltest.Start(t))
	require.NotEmpty(t, temporaltest.Start(t).Address)
}
