package task_test

import (
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/stretchr/testify/require"

	"tasksync/task"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	require.NoError(t, err)
	return z
}

// The instants around both changes of New York's clocks in 2026, and those
// around midnight in Shanghai.
var instants = []string{
	"2026-03-08T06:59:59Z", "2026-03-08T07:00:00Z", "2026-03-08T15:59:59Z", "2026-03-08T16:00:00Z",
	"2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z", "2026-11-01T15:59:59.999Z", "2026-11-01T16:00:00Z",
	"2026-12-31T16:00:00Z", "2028-02-29T03:00:00Z",
}

func TestWindowsAreTheSameWhateverZoneTheTimeIsIn(t *testing.T) {
	t.Parallel()
	shanghai := zone(t, "Asia/Shanghai")
	for _, text := range instants {
		at, err := time.Parse(time.RFC3339, text)
		require.NoError(t, err)
		// China is 8 hours ahead of UTC all year.
		midnight := at.Add(8 * time.Hour).Truncate(24 * time.Hour).Add(-8 * time.Hour)
		for _, host := range []string{"UTC", "America/New_York", "Pacific/Kiritimati", "Asia/Shanghai"} {
			in := at.In(zone(t, host))
			historical := task.WindowAt(task.Historical, in, shanghai)
			require.True(t, historical.From.Equal(midnight.AddDate(0, 0, -3)), "%s in %s: %s", text, host, historical.From)
			require.True(t, historical.To.Equal(midnight), "%s in %s: %s", text, host, historical.To)
			today := task.WindowAt(task.Today, in, shanghai)
			require.True(t, today.From.Equal(midnight), "%s in %s: %s", text, host, today.From)
			require.True(t, today.To.Equal(at), "%s in %s: %s", text, host, today.To)
		}
	}
}

// Where the business zone itself changes its clocks, days have 23 or 25 hours,
// and windows still go from midnight to midnight.
func TestWindowsOfAZoneThatChangesItsClocks(t *testing.T) {
	t.Parallel()
	newYork := zone(t, "America/New_York")
	for name, tc := range map[string]struct {
		at       string
		from, to string
	}{
		"spring, the day after":       {"2026-03-09T12:00:00-04:00", "2026-03-06T00:00:00-05:00", "2026-03-09T00:00:00-04:00"},
		"spring, the day itself":      {"2026-03-08T03:00:00-04:00", "2026-03-05T00:00:00-05:00", "2026-03-08T00:00:00-05:00"},
		"autumn, the first 1:30":      {"2026-11-01T01:30:00-04:00", "2026-10-29T00:00:00-04:00", "2026-11-01T00:00:00-04:00"},
		"autumn, the second 1:30":     {"2026-11-01T01:30:00-05:00", "2026-10-29T00:00:00-04:00", "2026-11-01T00:00:00-04:00"},
		"autumn, three days after":    {"2026-11-04T09:00:00-05:00", "2026-11-01T00:00:00-04:00", "2026-11-04T00:00:00-05:00"},
		"the year's first days":       {"2027-01-02T09:00:00-05:00", "2026-12-30T00:00:00-05:00", "2027-01-02T00:00:00-05:00"},
		"midnight belongs to its day": {"2026-03-09T00:00:00-04:00", "2026-03-06T00:00:00-05:00", "2026-03-09T00:00:00-04:00"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			parse := func(text string) time.Time {
				at, err := time.Parse(time.RFC3339, text)
				require.NoError(t, err)
				return at
			}
			w := task.WindowAt(task.Historical, parse(tc.at), newYork)
			require.True(t, w.From.Equal(parse(tc.from)), w.From)
			require.True(t, w.To.Equal(parse(tc.to)), w.To)
			today := task.WindowAt(task.Today, parse(tc.at), newYork)
			require.True(t, today.From.Equal(w.To), "today begins where the history ends")
			require.True(t, today.To.Equal(parse(tc.at)))
		})
	}
}
