package e2e_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"google.golang.org/protobuf/proto"

	"tasksync/internal/systest"
	"tasksync/task"
	"tasksync/workflows"
)

func attempts(t *testing.T, s *systest.System, id int64) []task.Attempt {
	t.Helper()
	all, err := s.Store.Attempts(t.Context(), id)
	require.NoError(t, err)
	return all
}

func TestSourceThatFailsTwiceThenWorks(t *testing.T) {
	t.Parallel()
	s := systest.Start(t)
	s.SetFaults(`{"status":503,"message":"升级中","times":2}`)
	a := s.Manual(task.Historical)
	require.Equal(t, http.StatusOK, a.Status, a.Text)
	rec := s.Record(int64(a.Int("record_id")))
	require.Contains(t, []task.Status{task.Success, task.Partial}, rec.Status)
	require.Empty(t, rec.ErrorType)
	require.Equal(t, 84, rec.Counts.Total)
	require.Equal(t, 2, rec.RetryCount)
	kept := attempts(t, s, rec.ID)
	require.Len(t, kept, 2)
	for i, wait := range []time.Duration{2 * time.Second, 4 * time.Second} {
		require.Equal(t, i+1, kept[i].Attempt)
		require.Equal(t, task.AttemptSource, kept[i].Kind)
		require.Equal(t, task.CodeSourceUnavailable, kept[i].Code)
		require.Contains(t, kept[i].Error, "503")
		require.Equal(t, wait, kept[i].Wait)
		require.Equal(t, task.OutcomeRetried, kept[i].Outcome)
	}
	// A lower bound of the run's own times: the waits were waited.
	require.GreaterOrEqual(t, rec.DurationMS(), int64(6000))
	require.GreaterOrEqual(t, kept[1].At.Sub(kept[0].At), 2*time.Second)
}

func TestSourceThatNeverWorks(t *testing.T) {
	t.Parallel()
	s := systest.Start(t)
	s.SetFaults(`{"status":503}`)
	a := s.Manual(task.Historical)
	require.Equal(t, http.StatusBadGateway, a.Status, a.Text)
	require.Equal(t, false, a.At("success"))
	require.Equal(t, "source_unavailable", a.Str("error_type"))
	require.NotEmpty(t, a.Str("error"))
	require.Zero(t, a.Int("summary.total"))
	rec := s.Record(int64(a.Int("record_id")))
	require.Equal(t, task.Failed, rec.Status)
	require.Equal(t, task.CodeSourceUnavailable, rec.ErrorType)
	require.Equal(t, 3, rec.RetryCount)
	require.Equal(t, 3, rec.MaxRetries)
	kept := attempts(t, s, rec.ID)
	require.Len(t, kept, 4)
	require.Equal(t, 8*time.Second, kept[2].Wait)
	require.Zero(t, kept[3].Wait)
	require.Equal(t, task.OutcomeGaveUp, kept[3].Outcome)
	require.GreaterOrEqual(t, rec.DurationMS(), int64(14000))
	s.SetFaults(`{}`)
	require.Equal(t, http.StatusOK, s.Manual(task.Historical).Status, "the next run works")
}

func TestPassingFailuresAndWhatTheyCost(t *testing.T) {
	t.Parallel()
	s := systest.Start(t)
	for _, tc := range []struct {
		name, faults string
		waits        []time.Duration
	}{
		{"Retry-After is honoured", `{"status":429,"retry_after":3,"times":1}`, []time.Duration{3 * time.Second}},
		{"an expired token is bought again", `{"expired_token":true,"times":1}`, nil},
	} {
		s.SetFaults(tc.faults)
		a := s.Manual(task.Historical)
		require.Equal(t, http.StatusOK, a.Status, "%s: %s", tc.name, a.Text)
		rec := s.Record(int64(a.Int("record_id")))
		require.Equal(t, len(tc.waits), rec.RetryCount, tc.name)
		var waits []time.Duration
		for _, at := range attempts(t, s, rec.ID) {
			waits = append(waits, at.Wait)
		}
		require.Equal(t, tc.waits, waits, tc.name)
	}
}

func TestWrongSecretFailsAtOnceAndIsNowhereToBeSeen(t *testing.T) {
	t.Parallel()
	const wrong = "wrong-secret-%7a1c 9&x"
	s := systest.Start(t, systest.WithEnv(systest.Worker, "GUANKE_API_SECRET="+wrong, "TASKSYNC_LOG_LEVEL=debug"))
	a := s.Manual(task.Historical)
	require.Equal(t, http.StatusBadGateway, a.Status, a.Text)
	require.Equal(t, "source_auth", a.Str("error_type"))
	rec := s.Record(int64(a.Int("record_id")))
	require.Equal(t, task.Failed, rec.Status)
	require.Equal(t, task.CodeSourceAuth, rec.ErrorType)
	require.Zero(t, rec.RetryCount, "at once")
	kept := attempts(t, s, rec.ID)
	require.Len(t, kept, 1)
	require.Equal(t, task.AttemptPermanent, kept[0].Kind)

	database, err := url.Parse(s.DatabaseURL)
	require.NoError(t, err)
	password, ok := database.User.Password()
	require.True(t, ok)
	seen := map[string]string{
		"logs": s.Logs(), "answer": a.Text, "detail": s.Get("/api/sync/records").Text, "history": history(t, s),
		"database": systest.Value[string](s, `SELECT string_agg(r::text, '') FROM sync_records r`) +
			systest.Value[string](s, `SELECT string_agg(a::text, '') FROM sync_attempts a`),
	}
	for where, text := range seen {
		require.NotEmpty(t, text, where)
		for _, secret := range []string{wrong, url.QueryEscape(wrong), url.PathEscape(wrong), "wrong-secret", systest.Secret, password} {
			require.NotContains(t, text, secret, where)
		}
	}
	require.Contains(t, seen["history"], "source_auth", "the history is read as it is kept")
}

// history is the run's history with its payloads as they are kept.
func history(t *testing.T, s *systest.System) string {
	t.Helper()
	var all []byte
	events := s.Temporal.GetWorkflowHistory(t.Context(), workflows.SyncWorkflowID(task.Historical), "", false,
		enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(t, err)
		if all, err = (proto.MarshalOptions{}).MarshalAppend(all, event); err != nil {
			require.NoError(t, err)
		}
	}
	return string(all)
}
