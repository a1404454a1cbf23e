package worker_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"tasksync/task"
)

// backfill lets the schedule of today's runs act for a time that has passed, and
// answers the record of the run.
func (s *system) backfill(at time.Time) task.Record {
	s.t.Helper()
	err := s.temporal.ScheduleClient().GetHandle(s.ctx, "sync-today").Backfill(s.ctx, client.ScheduleBackfillOptions{
		Backfill: []client.ScheduleBackfill{{Start: at.Add(-time.Minute), End: at.Add(time.Minute), Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ALL}},
	})
	require.NoError(s.t, err)
	var id int64
	require.Eventually(s.t, func() bool {
		id = value[int64](s, "SELECT coalesce(max(id), 0) FROM sync_records WHERE scheduled_at = $1 AND status <> 'running'", at)
		return id > 0
	}, 20*time.Second, 50*time.Millisecond, "no finished record of the slot")
	rec, err := s.store.Record(s.ctx, id)
	require.NoError(s.t, err)
	return rec
}

func TestSlotWhereTheSourceFallsSilentIsAWarning(t *testing.T) {
	s := setup(t)
	require.NoError(t, s.schedules.Ensure(s.ctx))
	y, m, d := time.Now().In(shanghai).Date()
	before := s.backfill(time.Date(y, m, d-2, 23, 0, 0, 0, shanghai))
	require.Greater(t, before.Distinct, 5)
	require.Equal(t, before.Distinct, *before.SourceTotal)
	require.True(t, before.Balanced())
	require.Empty(t, before.Warnings)

	s.sim.Freeze(time.Date(y, m, d-2, 23, 59, 0, 0, shanghai))
	silent := s.backfill(time.Date(y, m, d-1, 23, 0, 0, 0, shanghai))
	require.Equal(t, task.Success, silent.Status)
	require.Len(t, silent.Warnings, 1)
	require.Equal(t, task.WarnEmpty, silent.Warnings[0].Code)
	require.Equal(t, "警告："+silent.Warnings[0].Text, silent.ErrorMessage)
	require.True(t, silent.Balanced())
}
