package task_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"tasksync/task"
)

func TestHolderKeepsThePid(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		host string
		pid  int
		want string
	}{
		"as in the guide":     {"MacBook-Pro.local", 12345, "MacBook-Pro.local-12345"},
		"no host":             {"", 7, "unknown-7"},
		"just fits":           {strings.Repeat("h", 97), 12, strings.Repeat("h", 97) + "-12"},
		"long host is cut":    {strings.Repeat("h", 300), 4194304, strings.Repeat("h", 92) + "-4194304"},
		"characters, no byte": {strings.Repeat("机", 300), 12345, strings.Repeat("机", 94) + "-12345"},
		"broken text":         {"a\xffb", 1, "ab-1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := task.Holder(tc.host, tc.pid)
			require.Equal(t, tc.want, got)
			require.LessOrEqual(t, utf8.RuneCountInString(got), task.MaxHolderLength)
		})
	}
}
