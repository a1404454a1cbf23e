package schedule_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tasksync/internal/temporaltest"
	"tasksync/schedule"
)

func TestInspect(t *testing.T) {
	t.Parallel()
	server := temporaltest.Start(t)
	c := server.Client(t, server.Namespace(t))
	zone, err := time.LoadLocation("Asia/Shanghai")
	require.NoError(t, err)
	cfg := schedule.Config{
		Historical: "0 1,10,15,21 * * *", Today: "0 9-23 * * *", Zone: zone, Housekeeping: 5 * time.Minute, LockTimeout: 30 * time.Minute,
	}
	s := schedule.New(c, cfg)
	inspect := func(s *schedule.Schedules) map[string]schedule.Inspection {
		all, err := s.Inspect(t.Context())
		require.NoError(t, err)
		require.Len(t, all, len(schedule.IDs()))
		byID := map[string]schedule.Inspection{}
		for _, i := range all {
			byID[i.ID] = i
		}
		return byID
	}
	for id, i := range inspect(s) {
		require.True(t, i.Missing, id)
	}
	require.NoError(t, s.Ensure(t.Context()))
	for id, i := range inspect(s) {
		require.False(t, i.Missing, id)
		require.Empty(t, i.Differs, id)
		require.False(t, i.Paused, id)
		require.WithinDuration(t, time.Now(), i.Created, time.Minute, id)
	}

	require.NoError(t, s.Pause(t.Context(), "sync-today", "节假日"))
	paused := inspect(s)["sync-today"]
	require.True(t, paused.Paused)
	require.Equal(t, "节假日", paused.Note)
	require.False(t, paused.Updated.IsZero())
	require.Empty(t, paused.Differs, "a pause is no difference")

	other := cfg
	other.Today, other.Housekeeping, other.LockTimeout = "30 9-23 * * *", time.Minute, time.Hour
	other.Zone = time.UTC
	changed := schedule.New(c, other)
	found := inspect(changed)
	require.Equal(t, []string{
		"时间是 [0 9-23 * * *]，设置是 [30 9-23 * * *]", "时区是 Asia/Shanghai，设置是 UTC", "执行时限是 36m0s，设置是 1h6m0s", "工作流的参数与设置不同",
	}, found["sync-today"].Differs)
	require.Contains(t, found["housekeeping"].Differs, "时间是 [每 5m0s]，设置是 [每 1m0s]")
	require.Equal(t, []string{"时区是 Asia/Shanghai，设置是 UTC"}, found["cleaning"].Differs)
	require.NoError(t, changed.Ensure(t.Context()))
	for id, i := range inspect(changed) {
		require.Empty(t, i.Differs, id)
	}
	require.True(t, inspect(changed)["sync-today"].Paused, "the pause survives")

	require.NoError(t, c.ScheduleClient().GetHandle(t.Context(), "cleaning").Delete(t.Context()))
	require.True(t, inspect(changed)["cleaning"].Missing)
	require.NoError(t, s.Trigger(t.Context(), "sync-historical"))
	require.Eventually(t, func() bool { return !inspect(changed)["sync-historical"].LastSlot.IsZero() }, 20*time.Second, 50*time.Millisecond,
		"the last slot of a schedule that acted")
}
