package task_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tasksync/task"
)

func TestCompareSlot(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		seen, before int
		want         task.WarningCode
	}{
		{0, 0, ""},
		{0, 4, ""},
		{0, 5, task.WarnEmpty},
		{1, 5, ""},
		{1, 19, ""},
		{3, 20, task.WarnFarLess},
		{4, 20, ""},
		{19, 100, task.WarnFarLess},
		{20, 100, ""},
		{200, 100, ""},
		{0, 1000, task.WarnEmpty},
	} {
		require.Equal(t, tc.want, task.CompareSlot(tc.seen, tc.before), "%d after %d", tc.seen, tc.before)
	}
}
