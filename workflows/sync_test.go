package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"tasksync/activities"
	"tasksync/task"
	"tasksync/workflows"
)

func TestRunMatchesAndStoresEachChunk(t *testing.T) {
	f := setup(t)
	f.closesAs()
	total := 1030
	f.OnActivity(a.FetchChunk, mock.Anything, mock.MatchedBy(func(in activities.FetchInput) bool { return in.Seq == 0 })).
		Return(activities.FetchResult{Seq: 20, Cursor: "c", Fetched: 1000, Rows: 1000, Undecided: 3}, nil).Once()
	f.OnActivity(a.FetchChunk, mock.Anything, mock.MatchedBy(func(in activities.FetchInput) bool { return in.Seq == 20 && in.Cursor == "c" && in.Pass == 0 })).
		Return(activities.FetchResult{Seq: 21, Fetched: 30, Rows: 5, Done: true, Distinct: 1030, SourceTotal: &total}, nil).Once()
	f.OnActivity(a.UpsertChunk, mock.Anything, activities.ChunkInput{RecordID: 7, FromSeq: 0, ToSeq: 20}).
		Return(activities.UpsertResult{Tasks: 1000}, nil).Once()
	f.OnActivity(a.UpsertChunk, mock.Anything, activities.ChunkInput{RecordID: 7, FromSeq: 20, ToSeq: 21}).
		Return(activities.UpsertResult{Tasks: 5}, nil).Once()
	f.OnActivity(a.MatchChunk, mock.Anything, activities.ChunkInput{RecordID: 7, FromSeq: 0, ToSeq: 20}).
		Return(activities.MatchResult{Searched: 3}, nil).Once()

	out, err := f.run()

	require.NoError(t, err)
	require.Equal(t, task.Success, out.Status)
	require.True(t, f.closed().Complete, "a run that read all may find out what is gone")
	require.Equal(t, 21, f.closed().Pages)
	require.Zero(t, f.closed().RetryCount)
	f.AssertExpectations(t)
}

func TestUnchangedChunkIsNotStored(t *testing.T) {
	f := setup(t)
	f.closesAs()
	f.OnActivity(a.FetchChunk, mock.Anything, mock.Anything).Return(activities.FetchResult{Seq: 1, Fetched: 85, Done: true}, nil).Once()
	out, err := f.run()
	require.NoError(t, err, "neither UpsertChunk nor MatchChunk may be called: they are not mocked")
	require.Equal(t, task.Success, out.Status)
}

func TestPassingFailuresOfTheSource(t *testing.T) {
	for name, tc := range map[string]struct {
		failures int
		err      error
		waits    []time.Duration
		retries  int
		code     task.Code
	}{
		"twice, then it works":       {failures: 2, err: appError(task.CodeSourceUnavailable), waits: []time.Duration{2 * time.Second, 4 * time.Second}, retries: 2},
		"three times, then it works": {failures: 3, err: appError(task.CodeSourceUnavailable), waits: []time.Duration{2 * time.Second, 4 * time.Second, 8 * time.Second}, retries: 3},
		"always":                     {failures: 9, err: appError(task.CodeSourceUnavailable), waits: []time.Duration{2 * time.Second, 4 * time.Second, 8 * time.Second, 0}, retries: 3, code: task.CodeSourceUnavailable},
		"wrong credentials":          {failures: 9, err: appError(task.CodeSourceAuth), waits: []time.Duration{0}, code: task.CodeSourceAuth},
		"contract":                   {failures: 9, err: appError(task.CodeSourceContract), waits: []time.Duration{0}, code: task.CodeSourceContract},
		"Retry-After":                {failures: 1, err: appError(task.CodeSourceUnavailable, activities.ErrorDetails{RetryAfter: time.Minute}), waits: []time.Duration{time.Minute}, retries: 1},
		"Retry-After past the deadline": {
			failures: 1, err: appError(task.CodeSourceUnavailable, activities.ErrorDetails{RetryAfter: time.Hour}), waits: []time.Duration{0}, code: task.CodeSourceUnavailable,
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := setup(t)
			f.closesAs()
			f.OnActivity(a.FetchChunk, mock.Anything, mock.Anything).Return(activities.FetchResult{}, tc.err).Times(min(tc.failures, 4))
			f.OnActivity(a.FetchChunk, mock.Anything, mock.Anything).Return(activities.FetchResult{Seq: 1, Done: true}, nil).Maybe()

			_, err := f.run()

			require.Equal(t, tc.waits, f.waits())
			require.Equal(t, tc.retries, f.closed().RetryCount)
			require.Equal(t, f.saved, f.closed().Attempts, "closing keeps the attempts again")
			if tc.code == "" {
				require.NoError(t, err)
				return
			}
			requireCode(t, err, tc.code)
			require.Equal(t, task.Failed, f.closed().Status)
			require.Equal(t, tc.code, f.closed().Code)
			require.Equal(t, task.OutcomeGaveUp, f.saved[len(f.saved)-1].Outcome)
			require.False(t, f.closed().Complete)
		})
	}
}

func TestEachPageOfAChunkHasItsOwnRetries(t *testing.T) {
	f := setup(t)
	f.closesAs()
	var waits []time.Duration
	fail := func(kept int, wait time.Duration) {
		f.OnActivity(a.FetchChunk, mock.Anything, mock.Anything).
			Return(activities.FetchResult{}, appError(task.CodeSourceUnavailable, activities.ErrorDetails{Kept: kept})).Once()
		waits = append(waits, wait)
	}
	for page := range 6 {
		fail(page, 2*time.Second)
		fail(page, 4*time.Second)
	}
	f.OnActivity(a.FetchChunk, mock.Anything, mock.Anything).Return(activities.FetchResult{Seq: 6, Done: true}, nil).Once()
	_, err := f.run()
	require.NoError(t, err)
	require.Equal(t, waits, f.waits())
	require.Equal(t, 2, f.closed().RetryCount)
}

func TestLossesOfOurOwnDoNotCount(t *testing.T) {
	for name, err := range map[string]error{
		"database away": appError(task.CodeDatabaseUnavailable),
		"worker killed": temporal.NewHeartbeatTimeoutError(),
	} {
		t.Run(name, func(t *testing.T) {
			f := setup(t)
			f.closesAs()
			f.OnActivity(a.FetchChunk, mock.Anything, mock.Anything).Return(activities.FetchResult{Seq: 1, Rows: 1, Done: true}, nil).Once()
			f.OnActivity(a.UpsertChunk, mock.Anything, mock.Anything).Return(activities.UpsertResult{}, err).Times(12)
			f.OnActivity(a.UpsertChunk, mock.Anything, mock.Anything).Return(activities.UpsertResult{Tasks: 1}, nil).Once()

			out, runErr := f.run()

			require.NoError(t, runErr)
			require.Equal(t, task.Success, out.Status)
			require.Zero(t, f.closed().RetryCount)
			require.Len(t, f.closed().Attempts, 12)
			for _, at := range f.closed().Attempts {
				require.Equal(t, task.AttemptInfrastructure, at.Kind)
			}
		})
	}
}

func TestDeadlineClosesTheRecordAsFailed(t *testing.T) {
	f := setup(t)
	f.closesAs()
	f.OnActivity(a.FetchChunk, mock.Anything, mock.Anything).Return(activities.FetchResult{}, appError(task.CodeDatabaseUnavailable))
	begun := f.Now()

	_, err := f.run()

	requireCode(t, err, task.CodeDeadline)
	require.Equal(t, task.Failed, f.closed().Status)
	require.Equal(t, task.CodeDeadline, f.closed().Code)
	require.Equal(t, lockTimeout, f.closed().EndTime.Sub(begun).Round(time.Second))
	require.Contains(t, f.closed().Message, "锁超时")
}

func TestCancelClosesTheRecordAsCanceled(t *testing.T) {
	f := setup(t)
	f.closesAs()
	f.OnActivity(a.FetchChunk, mock.Anything, mock.Anything).Return(activities.FetchResult{}, appError(task.CodeDatabaseUnavailable))
	f.RegisterDelayedCallback(f.CancelWorkflow, time.Minute)

	_, err := f.run()

	var canceled *temporal.CanceledError
	require.ErrorAs(t, err, &canceled)
	require.Equal(t, task.Canceled, f.closed().Status)
	require.Equal(t, task.CodeCanceled, f.closed().Code)
}

func TestFetchedChunksAreStoredWhenFetchingFails(t *testing.T) {
	f := setup(t)
	f.closesAs()
	f.OnActivity(a.FetchChunk, mock.Anything, mock.MatchedBy(func(in activities.FetchInput) bool { return in.Seq == 0 })).
		Return(activities.FetchResult{Seq: 20, Cursor: "c", Rows: 10}, nil).Once()
	f.OnActivity(a.FetchChunk, mock.Anything, mock.Anything).Return(activities.FetchResult{}, appError(task.CodeSourceContract)).Once()
	f.OnActivity(a.UpsertChunk, mock.Anything, mock.Anything).After(time.Minute).Return(activities.UpsertResult{Tasks: 10}, nil).Once()

	_, err := f.run()

	requireCode(t, err, task.CodeSourceContract)
	f.AssertExpectations(t)
}

func TestPagesThatAFailedFetchKeptAreStored(t *testing.T) {
	f := setup(t)
	f.closesAs()
	f.OnActivity(a.FetchChunk, mock.Anything, mock.Anything).Return(activities.FetchResult{}, appError(task.CodeSourceContract, activities.ErrorDetails{Kept: 1})).Once()
	f.OnActivity(a.MatchChunk, mock.Anything, activities.ChunkInput{RecordID: 7, ToSeq: 1}).Return(activities.MatchResult{}, nil).Once()
	f.OnActivity(a.UpsertChunk, mock.Anything, activities.ChunkInput{RecordID: 7, ToSeq: 1}).Return(activities.UpsertResult{Tasks: 9}, nil).Once()
	_, err := f.run()
	requireCode(t, err, task.CodeSourceContract)
	f.AssertExpectations(t)
}

func TestNothingStopsTheClosing(t *testing.T) {
	closes := func(f *fixture, failures int, err error) {
		f.OnActivity(a.CloseRecord, mock.Anything, mock.Anything).Return(activities.Closed{}, err).Times(failures)
		f.closesAs()
	}
	t.Run("a cancel that comes while the database is away", func(t *testing.T) {
		f := setup(t)
		f.OnActivity(a.FetchChunk, mock.Anything, mock.Anything).Return(activities.FetchResult{Seq: 1, Done: true}, nil).Once()
		closes(f, 5, appError(task.CodeDatabaseUnavailable))
		f.RegisterDelayedCallback(f.CancelWorkflow, 3*time.Second)
		out, err := f.run()
		require.NoError(t, err, "the run had come to its end")
		require.Equal(t, task.Success, out.Status)
	})
	t.Run("a deadline that has passed", func(t *testing.T) {
		f := setup(t)
		f.OnActivity(a.FetchChunk, mock.Anything, mock.Anything).Return(activities.FetchResult{}, appError(task.CodeDatabaseUnavailable))
		closes(f, 3, appError(task.CodeInternal))
		_, err := f.run()
		requireCode(t, err, task.CodeDeadline)
		require.Equal(t, task.CodeDeadline, f.closed().Code)
	})
	t.Run("its own failed attempts are kept when it succeeds", func(t *testing.T) {
		f := setup(t)
		f.OnActivity(a.FetchChunk, mock.Anything, mock.Anything).Return(activities.FetchResult{Seq: 1, Done: true}, nil).Once()
		f.OnActivity(a.CloseRecord, mock.Anything, mock.Anything).Return(activities.Closed{}, appError(task.CodeDatabaseUnavailable)).Twice()
		closes(f, 1, appError(task.CodeInternal))
		_, err := f.run()
		require.NoError(t, err)
		var kinds []task.AttemptKind
		for _, attempt := range f.closed().Attempts {
			require.Equal(t, "close", attempt.Step)
			kinds = append(kinds, attempt.Kind)
		}
		require.Equal(t, []task.AttemptKind{task.AttemptInfrastructure, task.AttemptInfrastructure, task.AttemptInternal}, kinds)
		require.Equal(t, 1, f.closed().RetryCount)
	})
	t.Run("the same closing has the same token", func(t *testing.T) {
		f := setup(t)
		f.OnActivity(a.FetchChunk, mock.Anything, mock.Anything).Return(activities.FetchResult{Seq: 1, Done: true}, nil).Once()
		var tokens []string
		f.OnActivity(a.CloseRecord, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.CloseInput) (activities.Closed, error) {
			tokens = append(tokens, in.Token)
			if len(tokens) == 1 {
				return activities.Closed{}, appError(task.CodeDatabaseUnavailable)
			}
			return activities.Closed{RecordID: 7, Status: task.Success}, nil
		})
		_, err := f.run()
		require.NoError(t, err)
		require.Len(t, tokens, 2)
		require.NotEmpty(t, tokens[0])
		require.Equal(t, tokens[0], tokens[1])
	})
}

func TestOpeningIsTriedAgain(t *testing.T) {
	f := setup(t)
	f.failingOpens = 2
	f.OnActivity(a.FetchChunk, mock.Anything, mock.Anything).Return(activities.FetchResult{Seq: 1, Done: true}, nil).Once()
	f.closesAs()
	_, err := f.run()
	require.NoError(t, err)
	require.Equal(t, 2, f.closed().RetryCount)
	require.Len(t, f.closed().Attempts, 2, "what failed before there was a record is kept with it")
}

func TestDriftIsReadAgain(t *testing.T) {
	for name, tc := range map[string]struct {
		// seen is how many of 10 entries each pass sees; later passes see the last.
		seen    []int
		passes  int
		partial bool
		// changes is how many passes, from the first, were told different totals.
		changes int
	}{
		"right at once":             {seen: []int{10}, passes: 1},
		"right after two rereads":   {seen: []int{8, 9, 10}, passes: 3},
		"never right":               {seen: []int{6, 7, 8, 9}, passes: 4, partial: true},
		"the same mismatch twice":   {seen: []int{9, 9}, passes: 2, partial: true},
		"the same mismatch in turn": {seen: []int{8, 9, 9}, passes: 3, partial: true},
		"a total that changed":      {seen: []int{10, 10}, passes: 2, changes: 1},
		"totals that never hold":    {seen: []int{10, 10, 10, 10}, passes: 4, partial: true, changes: 4},
	} {
		t.Run(name, func(t *testing.T) {
			f := setup(t)
			f.closesAs()
			passes := 0
			f.OnActivity(a.FetchChunk, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.FetchInput) (activities.FetchResult, error) {
				require.Equal(t, passes, in.Pass)
				require.Equal(t, passes, in.Seq, "sequence numbers go on")
				require.Empty(t, in.Cursor, "a reread begins at the beginning")
				passes++
				total := 10
				return activities.FetchResult{Seq: in.Seq + 1, Done: true, Distinct: tc.seen[passes-1], SourceTotal: &total, TotalChanged: passes <= tc.changes}, nil
			})
			_, err := f.run()
			require.NoError(t, err)
			require.Equal(t, tc.passes, passes)
			require.Equal(t, !tc.partial, f.closed().Complete)
			require.Equal(t, tc.partial, f.closed().Code == task.CodeSourceDrift)
		})
	}
}

func TestResetRunReopensItsRecord(t *testing.T) {
	t.Run("refused in the middle", func(t *testing.T) {
		f := setup(t)
		f.closesAs()
		f.OnActivity(a.FetchChunk, mock.Anything, mock.Anything).Return(activities.FetchResult{}, appError(task.CodeRecordClosed)).Once()
		f.OnActivity(a.ReopenRecord, mock.Anything, mock.Anything).Return(activities.Opened{RecordID: 7}, nil).Once()
		f.OnActivity(a.FetchChunk, mock.Anything, mock.Anything).Return(activities.FetchResult{Seq: 1, Done: true}, nil).Once()
		out, err := f.run()
		require.NoError(t, err)
		require.Equal(t, task.Success, out.Status)
		require.Empty(t, f.closed().Attempts, "a reset is no failed attempt")
	})
	t.Run("after its deadline", func(t *testing.T) {
		f := setup(t)
		f.OnActivity(a.FetchChunk, mock.Anything, mock.Anything).Return(activities.FetchResult{}, appError(task.CodeDatabaseUnavailable)).Times(180)
		f.OnActivity(a.FetchChunk, mock.Anything, mock.Anything).Return(func(context.Context, activities.FetchInput) (activities.FetchResult, error) {
			if len(f.closes) == 0 {
				return activities.FetchResult{}, appError(task.CodeDatabaseUnavailable)
			}
			return activities.FetchResult{Seq: 1, Done: true}, nil
		})
		f.OnActivity(a.CloseRecord, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.CloseInput) (activities.Closed, error) {
			f.closes = append(f.closes, in)
			if len(f.closes) == 1 {
				return activities.Closed{}, appError(task.CodeRecordClosed)
			}
			return activities.Closed{RecordID: 7, Status: task.Success}, nil
		})
		f.OnActivity(a.ReopenRecord, mock.Anything, mock.Anything).Return(activities.Opened{RecordID: 7}, nil).Once()
		out, err := f.run()
		require.NoError(t, err)
		require.Equal(t, task.Success, out.Status)
		require.Len(t, f.closes, 2)
		require.Equal(t, task.CodeDeadline, f.closes[0].Code)
		require.Empty(t, f.closes[1].Status, "the run went on and to its end")
	})
	t.Run("no longer the current run", func(t *testing.T) {
		f := setup(t)
		f.OnActivity(a.FetchChunk, mock.Anything, mock.Anything).Return(activities.FetchResult{}, appError(task.CodeRecordClosed)).Once()
		f.OnActivity(a.ReopenRecord, mock.Anything, mock.Anything).Return(activities.Opened{}, appError(task.CodeRecordClosed))
		f.OnActivity(a.CloseRecord, mock.Anything, mock.Anything).Return(activities.Closed{}, appError(task.CodeRecordClosed))
		_, err := f.run()
		requireCode(t, err, task.CodeRecordClosed)
	})
}

func TestScheduledSlot(t *testing.T) {
	t.Run("runs the child under the fixed ID", func(t *testing.T) {
		f := setup(t)
		at := time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC)
		require.NoError(t, f.SetTypedSearchAttributesOnStart(temporal.NewSearchAttributes(temporal.NewSearchAttributeKeyTime("TemporalScheduledStartTime").ValueSet(at))))
		f.OnWorkflow(workflows.SyncWorkflow, mock.Anything, workflows.SyncInput{
			Type: task.Historical, Trigger: task.Auto, Actor: workflows.ActorScheduler, At: at, LockTimeout: lockTimeout,
		}).Return(workflows.SyncResult{RecordID: 9, Status: task.Partial}, nil)
		f.ExecuteWorkflow(workflows.ScheduledSync, workflows.ScheduledInput{Type: task.Historical, LockTimeout: lockTimeout})
		var out workflows.ScheduledResult
		require.NoError(t, f.GetWorkflowResult(&out))
		require.Equal(t, workflows.ScheduledResult{RecordID: 9, Status: task.Partial}, out)
	})
}
