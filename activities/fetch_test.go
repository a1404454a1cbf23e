package activities_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"tasksync/activities"
	"tasksync/task"
)

func TestFetchKeepsEachEntryOnce(t *testing.T) {
	f := setup(t)
	bad := task.Reject{Reason: "任务名为空", Payload: []byte(`{"id":9}`)}
	f.source.pages = []task.Page{page(5, 3, 1, 1), page(5, 1, 4, 5)}
	f.source.pages[0].Rejects = []task.Reject{bad}
	f.source.pages[1].Rejects = []task.Reject{bad}
	f.decided["name-4"] = task.Match{State: task.Matched, PackageID: 1, Layer: task.LayerPrefix}

	out := f.fetch(f.activities(), activities.FetchInput{})

	require.True(t, out.Done)
	require.Equal(t, 8, out.Fetched)
	require.Equal(t, 4, out.Rows)
	require.Equal(t, 3, out.Undecided, "a lookup decides task 4")
	require.Equal(t, 5, out.Distinct)
	require.False(t, out.Drifted())
	first, second := f.store.claims[0], f.store.claims[1]
	require.Equal(t, []string{"3", "1"}, first.IDs)
	require.Equal(t, 1, first.Duplicate)
	require.Equal(t, []task.Task{numbered(1), numbered(3)}, []task.Task{first.Batches[0][0].Task, first.Batches[0][1].Task}, "sorted by id")
	require.Equal(t, []string{"4", "5"}, second.IDs)
	require.Equal(t, 2, second.Duplicate, "a task and a reject of the page before")
	require.Empty(t, second.Rejects)
}

func TestFetchGoesOnBehindWhatIsKept(t *testing.T) {
	f := setup(t)
	f.source.pages = []task.Page{page(4, 1, 2), page(4, 2, 3), page(4, 4)}
	f.store.before = func(c task.Claim) {
		if c.Seq == 1 {
			panic("the worker dies")
		}
	}
	_, err := execute[activities.FetchResult](f, f.activities().FetchChunk, activities.FetchInput{RecordID: 7, Window: window, BatchSize: 2, Pages: 20})
	require.Error(t, err)
	f.store.before, f.source.asked = nil, nil

	out := f.fetch(f.activities(), activities.FetchInput{})

	require.Equal(t, []string{"1", "2"}, f.source.asked, "the kept page is not fetched again")
	require.Equal(t, activities.FetchResult{Seq: 3, Fetched: 5, Rows: 4, Undecided: 4, Done: true, Distinct: 4, SourceTotal: out.SourceTotal}, out)
	require.Equal(t, 1, f.store.claims[1].Duplicate, "another worker knows what the page before had")
}

func TestFetchTakesWhatAnotherExecutorKept(t *testing.T) {
	f := setup(t)
	f.source.pages = []task.Page{page(3, 1, 2), page(3, 3)}
	theirs := task.Claim{RecordID: 7, Seq: 0, Next: "1", Fetched: 2, PassDistinct: 2, IDs: []string{"1", "3"}}
	f.store.before = func(c task.Claim) {
		if c.Seq == 0 && len(f.store.claims) == 0 {
			f.store.claims = append(f.store.claims, theirs)
		}
	}
	out := f.fetch(f.activities(), activities.FetchInput{})
	require.Len(t, f.store.claims, 2)
	require.Equal(t, theirs, f.store.claims[0])
	require.Equal(t, 1, f.store.claims[1].Duplicate, "their page counts, not ours: it had task 3")
	require.Equal(t, 2, out.Distinct)
}

func TestFetchChunkIsBounded(t *testing.T) {
	f := setup(t)
	f.source.pages = []task.Page{page(3, 1), page(3, 2), page(3, 3)}
	a := f.activities()
	first := f.fetch(a, activities.FetchInput{Pages: 2})
	require.Equal(t, activities.FetchResult{Seq: 2, Cursor: "2", Fetched: 2, Rows: 2, Undecided: 2}, first)
	second := f.fetch(a, activities.FetchInput{Seq: first.Seq, Cursor: first.Cursor, Pages: 2})
	require.True(t, second.Done)
	require.Equal(t, 3, second.Distinct, "of the whole pass")
}

func TestRereadCountsItsOwnPass(t *testing.T) {
	f := setup(t)
	f.source.pages = []task.Page{page(3, 1, 2)}
	a := f.activities()
	first := f.fetch(a, activities.FetchInput{})
	require.True(t, first.Drifted(), "the source says 3 and gave 2")

	f.source.pages = []task.Page{page(3, 1, 2, 3)}
	again := f.fetch(a, activities.FetchInput{Pass: 1, Seq: first.Seq})
	require.False(t, again.Drifted())
	require.Equal(t, 1, again.Rows, "only what the record did not have")
	require.Equal(t, 2, f.store.claims[1].Duplicate)
	require.Equal(t, 3, f.store.claims[1].PassDistinct)
}

func TestRereadThatAnotherWorkerTakesOver(t *testing.T) {
	f := setup(t)
	f.source.pages = []task.Page{page(4, 1, 2)}
	f.source.pages[0].Rejects = []task.Reject{{TaskID: "9", Reason: "no name"}}
	first := f.fetch(f.activities(), activities.FetchInput{})
	require.True(t, first.Drifted(), "the source says 4 and gave 3")

	f.source.pages = []task.Page{page(4, 1, 2), page(4, 2, 3)}
	again := f.fetch(f.activities(), activities.FetchInput{Pass: 1, Seq: first.Seq, Pages: 1})
	f.fetch(f.activities(), activities.FetchInput{Pass: 1, Seq: again.Seq, Cursor: again.Cursor})
	require.Equal(t, 2, f.store.claims[1].PassDistinct)
	require.Equal(t, 1, f.store.claims[2].PassDistinct, "this pass had task 2 on the page before, whatever the first pass refused")
}

func TestFetchWritesOnlyWhatDiffers(t *testing.T) {
	f := setup(t)
	matched := task.Match{State: task.Matched, PackageID: 1, Layer: task.LayerPrefix}
	failed := task.Match{State: task.MatchFailed, Layer: task.LayerPrefix, Reason: "数据包已停用"}
	for id, tc := range map[int]struct {
		stored  *task.Stored
		decided *task.Match
		write   bool
	}{
		1: {write: true},
		2: {stored: &task.Stored{Match: matched}, decided: &matched},
		3: {stored: &task.Stored{Match: matched, Missing: true}, decided: &matched, write: true},
		4: {stored: &task.Stored{Match: matched, Hash: []byte("other")}, decided: &matched, write: true},
		5: {stored: &task.Stored{Match: failed}, decided: &matched, write: true},
		6: {stored: &task.Stored{Match: failed}, decided: &failed},
		7: {stored: &task.Stored{Match: task.Match{State: task.Pending}, SearchedVersion: 5}},
		8: {stored: &task.Stored{Match: task.Match{State: task.Pending}, SearchedVersion: 4}, write: true},
		9: {stored: &task.Stored{Match: task.Match{State: task.Idle, Layer: task.LayerDecision}}, decided: &matched},
	} {
		one := oneTask(f, id, tc.stored, tc.decided)
		one.fetch(one.activities(), activities.FetchInput{})
		claim := one.store.claims[0]
		require.Equal(t, tc.write, len(claim.Batches) == 1, "task %d", id)
		if !tc.write {
			require.Equal(t, 1, claim.Unchanged.Matched+claim.Unchanged.Pending+claim.Unchanged.Failed+claim.Unchanged.Idle, "task %d", id)
			require.Len(t, claim.Errors, claim.Unchanged.Failed, "a task that stays failed says why")
		}
	}
}

// oneTask lays out a source with one task, and what the store has of it at
// version 5 of the packages.
func oneTask(f *fixture, id int, stored *task.Stored, decided *task.Match) *fixture {
	one := &fixture{t: f.t, source: &source{pages: []task.Page{page(1, id)}}, decided: map[string]task.Match{}, store: &store{version: 5, stored: map[string]task.Stored{}}}
	tk := numbered(id)
	if stored != nil {
		if stored.Hash == nil {
			hash := tk.Hash()
			stored.Hash = hash[:]
		}
		one.store.stored[tk.ID] = *stored
	}
	if decided != nil {
		one.decided[tk.Name] = *decided
	}
	return one
}

func TestErrorsOfTheSourceKeepTheirCode(t *testing.T) {
	for name, tc := range map[string]struct {
		err       error
		code      task.Code
		permanent bool
	}{
		"passing":  {&task.Error{Code: task.CodeSourceUnavailable, Message: "503", RetryAfter: time.Minute}, task.CodeSourceUnavailable, false},
		"auth":     {task.Errorf(task.CodeSourceAuth, "密钥错误"), task.CodeSourceAuth, true},
		"contract": {task.Errorf(task.CodeSourceContract, "不是列表"), task.CodeSourceContract, true},
		"unknown":  {errors.New("pq: secret detail"), task.CodeInternal, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := setup(t)
			f.source.err = tc.err
			_, err := execute[activities.FetchResult](f, f.activities().FetchChunk, activities.FetchInput{RecordID: 7, Window: window, BatchSize: 2, Pages: 20})
			var app *temporal.ApplicationError
			require.ErrorAs(t, err, &app)
			require.Equal(t, string(tc.code), app.Type())
			require.Equal(t, tc.permanent, app.NonRetryable())
			require.NotContains(t, err.Error(), "secret")
			if name == "passing" {
				var details activities.ErrorDetails
				require.NoError(t, app.Details(&details))
				require.Equal(t, time.Minute, details.RetryAfter)
			}
		})
	}
}
