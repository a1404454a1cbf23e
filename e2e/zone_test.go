package e2e_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tasksync/internal/systest"
	"tasksync/task"
)

// The windows are those of the business zone, whatever the host's zone is. The
// expected ones are made without any database of zones: China is 8 hours ahead
// of UTC all year.
func TestWindowsDoNotDependOnTheHostsZone(t *testing.T) {
	t.Parallel()
	const offset = 8 * time.Hour
	for _, zone := range []string{"UTC", "America/New_York", "Pacific/Kiritimati"} {
		t.Run(zone, func(t *testing.T) {
			t.Parallel()
			s := systest.Start(t, systest.WithHostZone(zone))
			for _, trigger := range []task.Trigger{task.Manual, task.Auto} {
				for _, syncType := range task.SyncTypes {
					rec := runOf(t, s, syncType, trigger)
					midnight := rec.StartTime.UTC().Add(offset).Truncate(24 * time.Hour).Add(-offset)
					if syncType == task.Historical {
						require.Equal(t, midnight.AddDate(0, 0, -3), rec.Window.From.UTC())
						require.Equal(t, midnight, rec.Window.To.UTC())
						continue
					}
					require.Equal(t, midnight, rec.Window.From.UTC())
					require.WithinDuration(t, rec.StartTime, rec.Window.To, 5*time.Second, "until now")
				}
			}
			shown := s.Get("/api/sync/records?sync_type=historical&per_page=1")
			require.Equal(t, s.Record(int64(shown.Int("data.records.0.id"))).StartTime.UTC().Add(offset).Format("2006-01-02T15:04:05"),
				shown.Str("data.records.0.start_time"), "people see the business zone")
		})
	}
}

// runOf does a run by hand or by its schedule, and answers its record.
func runOf(t *testing.T, s *systest.System, syncType task.SyncType, trigger task.Trigger) task.Record {
	t.Helper()
	if trigger == task.Manual {
		a := s.Manual(syncType)
		require.Equal(t, http.StatusOK, a.Status, a.Text)
		return s.Record(int64(a.Int("record_id")))
	}
	s.TemporalCLI("schedule", "trigger", "--schedule-id", "sync-"+string(syncType))
	var id int64
	s.Eventually("an automatic run", func() bool {
		id = systest.Value[int64](s, "SELECT coalesce(max(id), 0) FROM sync_records WHERE trigger_type = 'auto' AND sync_type = $1", syncType)
		return id > 0
	})
	return s.WaitRecord(id)
}
