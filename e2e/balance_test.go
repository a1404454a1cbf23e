package e2e_test

import (
	"encoding/json"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tasksync/internal/systest"
	"tasksync/task"
)

func TestSilentSourceIsAWarningThatPeopleSee(t *testing.T) {
	t.Parallel()
	s := systest.Start(t)
	first := s.Manual(task.Historical)
	require.Equal(t, 200, first.Status, first.Text)
	detail := s.Get("/api/sync/records/" + strconv.Itoa(first.Int("record_id")))
	require.Equal(t, true, detail.At("data.balance.balanced"))
	require.Equal(t, 84, detail.Int("data.balance.source_total"))
	require.Equal(t, 84, detail.Int("data.balance.distinct"))
	require.Zero(t, detail.Int("data.balance.drift"))
	require.Nil(t, detail.At("data.error_message"), "an ordinary run has nothing to say")
	require.Empty(t, detail.At("data.warnings"))

	s.FreezeClock(time.Now().AddDate(0, 0, -10))
	r := s.Run("sync", "historical", "-o", "json")
	require.Zero(t, r.ExitCode, r.Stderr)
	var told struct {
		RecordID int64          `json:"record_id"`
		Warnings []task.Warning `json:"warnings"`
	}
	require.NoError(t, json.Unmarshal([]byte(r.Stdout), &told))
	require.Len(t, told.Warnings, 1)
	require.Equal(t, task.WarnEmpty, told.Warnings[0].Code)
	detail = s.Get("/api/sync/records/" + strconv.FormatInt(told.RecordID, 10))
	require.Equal(t, "success", detail.Str("data.status"), "a warning changes no status")
	require.Equal(t, "source_empty", detail.Str("data.warnings.0.code"))
	require.Equal(t, "警告："+told.Warnings[0].Text, detail.Str("data.error_message"))
	require.Equal(t, true, detail.At("data.balance.balanced"))
	require.Equal(t, 84, systest.Value[int](s, "SELECT count(*) FROM tasks WHERE missing_at IS NULL"), "nothing is marked as missing")
	require.Contains(t, s.MustRun("sync", "historical"), "警告：冠客这次只给出 0 个任务，而这个时间窗口此前有 84 个")
}
