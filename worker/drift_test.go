package worker_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tasksync/guanke/sim"
	"tasksync/task"
)

// setupPages starts a system that reads the historical window in five pages.
func setupPages(t *testing.T) *system {
	t.Helper()
	s := setup(t, func(o *options) {
		o.sim.Seed = cleanSeed()
		o.source.PageSize = 20
	})
	s.sim.Freeze(time.Now())
	return s
}

func (s *system) change(c sim.Changes) {
	s.t.Helper()
	require.NoError(s.t, s.sim.SetChanges(c))
}

func (s *system) missing() int {
	s.t.Helper()
	return value[int](s, "SELECT count(*) FROM tasks WHERE missing_at IS NOT NULL")
}

// Tasks that come, go and change pages while they are read are neither lost nor
// doubled: the window is read again until it holds still.
func TestDriftThatSettles(t *testing.T) {
	t.Parallel()
	for name, changes := range map[string]sim.Changes{
		"removed":         {Seed: 5, Delete: 0.15, Over: 4},
		"added":           {Seed: 5, Add: 0.15, Over: 4},
		"moved":           {Seed: 5, Move: 0.3, Over: 4},
		"all three":       {Seed: 5, Delete: 0.08, Add: 0.15, Move: 0.2, Over: 4},
		"in one stroke":   {Seed: 6, Delete: 0.15, Over: 1},
		"moved, once":     {Seed: 6, Move: 0.3, Over: 1},
		"removed, slowly": {Seed: 7, Delete: 0.15, Over: 12},
	} {
		t.Run(name, func(t *testing.T) {
			s := setupPages(t)
			s.change(changes)
			rec := s.sync(task.Historical)
			require.Contains(t, []task.Status{task.Success, task.Partial}, rec.Status)
			require.Empty(t, rec.ErrorType, rec.ErrorMessage)
			require.Equal(t, len(historicalTruth(s.sim)), *rec.SourceTotal)
			s.requireTruth()
			require.Greater(t, rec.Counts.Duplicate, 0, "it was read again")
			require.Zero(t, rec.RetryCount, "drift is not a failed attempt")
			require.Equal(t, rec.Counts.Total, value[int](s, "SELECT count(*) FROM tasks"), "nothing is doubled")
		})
	}
}

func TestDriftThatNeverSettles(t *testing.T) {
	s := setupPages(t)
	require.Equal(t, inWindow, s.sync(task.Historical).Counts.Total)
	s.change(sim.Changes{Seed: 5, Delete: 0.9, Over: 40})
	rec := s.sync(task.Historical)
	require.Equal(t, task.Partial, rec.Status)
	require.Equal(t, task.CodeSourceDrift, rec.ErrorType)
	require.Regexp(t, `^读取时冠客的任务一直在增减（读了 4 遍，最后说有 \d+ 个，读到 \d+ 个不同的任务），可能有遗漏；请稍后再同步一次$`, rec.ErrorMessage)
	require.Equal(t, 4, value[int](s, "SELECT count(DISTINCT pass) FROM sync_pages WHERE record_id = $1", rec.ID))
	require.Zero(t, s.missing(), "who was not seen may have been overlooked")
	require.Zero(t, rec.RetryCount)
	require.Equal(t, rec.Counts.Total, rec.Counts.Updated)
}

func TestDeletedTasksAreMissingUntilTheyAreBack(t *testing.T) {
	s := setupPages(t)
	s.sync(task.Historical)
	s.change(sim.Changes{Seed: 5, Delete: 0.1})
	left := len(historicalTruth(s.sim))
	require.Less(t, left, inWindow)

	rec := s.sync(task.Historical)
	require.Equal(t, task.Success, rec.Status)
	require.Empty(t, rec.ErrorMessage)
	require.Equal(t, left, rec.Counts.Total)
	require.Equal(t, left, rec.Counts.Unchanged)
	require.Equal(t, left, *rec.SourceTotal)
	require.Equal(t, inWindow-left, s.missing())
	require.Equal(t, inWindow, value[int](s, "SELECT count(*) FROM tasks"), "nothing is deleted")
	s.requireTruth()

	s.change(sim.Changes{})
	rec = s.sync(task.Historical)
	require.Equal(t, task.Success, rec.Status)
	require.Equal(t, inWindow, rec.Counts.Updated)
	require.Equal(t, left, rec.Counts.Unchanged, "those that are back are written")
	require.Zero(t, s.missing())
	s.requireTruth()
}

func TestSourceThatShrinksIsAWarning(t *testing.T) {
	s := setupPages(t)
	s.sync(task.Historical)
	s.change(sim.Changes{Seed: 5, Delete: 0.5})
	left := len(historicalTruth(s.sim))
	rec := s.sync(task.Historical)
	require.Equal(t, task.Success, rec.Status)
	require.Equal(t, "警告：冠客这次只给出 "+strconv.Itoa(left)+" 个任务，而这个时间窗口此前有 84 个；请检查冠客是否正常。已有的任务没有改动", rec.ErrorMessage)
	require.Equal(t, left, rec.Counts.Total)
	require.Equal(t, left, *rec.SourceTotal)
	require.Zero(t, s.missing())
}

func TestRenamedTasksAreUpdated(t *testing.T) {
	s := setupPages(t)
	s.sync(task.Historical)
	before := historicalTruth(s.sim)
	s.change(sim.Changes{Seed: 5, Rename: 0.3})
	renamed := 0
	for i, now := range historicalTruth(s.sim) {
		if now != before[i] {
			renamed++
		}
	}
	require.Greater(t, renamed, 10)
	rec := s.sync(task.Historical)
	require.Equal(t, inWindow, rec.Counts.Updated)
	require.Equal(t, inWindow-renamed, rec.Counts.Unchanged)
	require.Equal(t, rec.Counts.Failed, value[int](s, "SELECT count(*) FROM tasks WHERE match_state = 'failed'"))
	require.Equal(t, rec.Counts.Matched, value[int](s, "SELECT count(*) FROM tasks WHERE match_state = 'matched'"), "a new name is matched anew")
	s.requireTruth()
}
