package activities_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"tasksync/activities"
	"tasksync/task"
)

// stopping is a store whose worker is told to stop while it asks for the
// packages the nth time.
type stopping struct {
	*batchStore
	asked, nth int
	stop       context.CancelFunc
}

func (s *stopping) PackagesVersion(ctx context.Context) (int64, error) {
	if s.asked++; s.asked == s.nth {
		s.stop()
	}
	return s.batchStore.PackagesVersion(ctx)
}

func TestAWorkerThatStopsDoesNotClaimToBeDone(t *testing.T) {
	f, s, _ := setupBatches(t)
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	s.lost = []int{1}
	// The first question is the fetch's own, before there is a snapshot; the
	// second and third are those before and after the flush.
	store := &stopping{batchStore: s, nth: 2, stop: stop}
	a := activities.New(f.config(), store, f.source, f.temporal)
	f.fetch(a, activities.FetchInput{})
	_, err := executeIn[activities.UpsertResult](ctx, f, a.UpsertChunk, chunkOfOne)
	require.Error(t, err, "a batch is missing")
	require.Len(t, s.batches, 2)
}

func TestARecordIDThatIsGivenOutAgain(t *testing.T) {
	f, s, worker := setupBatches(t)
	f.source.pages = []task.Page{page(4, 1, 2), page(4, 3, 4)}
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	one, other := worker(), worker()
	env.RegisterActivityWithOptions(one.FetchChunk, activity.RegisterOptions{Name: "one"})
	env.RegisterActivityWithOptions(other.FetchChunk, activity.RegisterOptions{Name: "other"})
	env.RegisterActivityWithOptions(one.UpsertChunk, activity.RegisterOptions{Name: "upsert"})
	chunk := func(seq int, cursor string) activities.FetchInput {
		return activities.FetchInput{RecordID: 7, Window: window, BatchSize: 2, Seq: seq, Cursor: cursor, Pages: 1}
	}
	run := func(ctx workflow.Context, begins, ends string) error {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
		if err := workflow.ExecuteActivity(ctx, begins, chunk(0, "")).Get(ctx, nil); err != nil || ends == "" {
			return err
		}
		if err := workflow.ExecuteActivity(ctx, ends, chunk(1, "1")).Get(ctx, nil); err != nil {
			return err
		}
		return workflow.ExecuteActivity(ctx, "upsert", activities.ChunkInput{RecordID: 7, ToSeq: 2}).Get(ctx, nil)
	}
	env.RegisterWorkflowWithOptions(run, workflow.RegisterOptions{Name: "run"})
	env.ExecuteWorkflow(func(ctx workflow.Context) error {
		if err := workflow.ExecuteChildWorkflow(ctx, "run", "one", "").Get(ctx, nil); err != nil {
			return err
		}
		// The database is restored from before this run, and the source has moved on.
		f.store.claims = nil
		f.source.pages = []task.Page{page(4, 5, 6), page(4, 1, 2)}
		return workflow.ExecuteChildWorkflow(ctx, "run", "other", "one").Get(ctx, nil)
	})
	require.NoError(t, env.GetWorkflowError())
	require.Zero(t, f.store.claims[1].Duplicate, "this run has not had tasks 1 and 2")
	require.Equal(t, "5", s.batches[place{}].Rows[0].Task.ID, "the rows of this run's page are stored")
}

func TestRowsInMemoryAreBoundedByTheirSize(t *testing.T) {
	f, s, worker := setupBatches(t)
	f.source.pages = nil
	large := make([]byte, 5<<20)
	for id := range 5 {
		p := page(5, id)
		p.Tasks[0].Attributes = large
		f.source.pages = append(f.source.pages, p)
	}
	a := worker()
	f.fetch(a, activities.FetchInput{})
	out, err := execute[activities.UpsertResult](f, a.UpsertChunk, activities.ChunkInput{RecordID: 7, ToSeq: 5})
	require.NoError(t, err)
	require.Equal(t, 5, out.Tasks)
	require.Equal(t, 2, s.rowReads, "the first pages made room for the last")
}
