package systest_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"tasksync/guanke/sim"
	"tasksync/internal/systest"
	"tasksync/task"
)

// Whatever finds nothing must be able to find something.
func TestPlantedSecretsAreFoundWhereverTheyLeak(t *testing.T) {
	t.Parallel()
	s := systest.Start(t, systest.WithLeaks(), systest.WithEnv("", "GUANKE_USERNAME=root", "GUANKE_PASSWORD=hunter2-7c1d"))
	id := int64(s.Manual(task.Today).Int("record_id"))
	require.Empty(t, s.Leaks())
	password := s.SQL.Config().ConnConfig.Password
	require.NotEmpty(t, password)

	for _, leak := range []struct{ sql, arg string }{
		{"UPDATE sync_records SET error_message = $2 WHERE id = $1", "x " + systest.Secret + " y"},
		{"UPDATE sync_records SET error_details = jsonb_build_array(jsonb_build_object('error', $2::text)) WHERE id = $1", "hunter2-7c1d"},
		{`INSERT INTO sync_attempts (record_id, step, attempt, kind, error_type, error, at, wait_ms, outcome, run_id)
			VALUES ($1, 'fetch', 1, 'source', 'internal', $2, now(), 0, '', '')`, "Authorization: " + sim.TokenPrefix + "00"},
		{`INSERT INTO sync_rejects (record_id, page_seq, no, task_id, task_name, reason, payload)
			VALUES ($1, 0, 99, '', '', '', $2::text::bytea)`, "postgres://u:" + password + "@h"},
	} {
		_, err := s.SQL.Exec(t.Context(), leak.sql, id, leak.arg)
		require.NoError(t, err)
		require.Len(t, s.Leaks(), 1, leak.sql)
		_, err = s.SQL.Exec(t.Context(), "UPDATE sync_records SET error_message = NULL, error_details = '[]'")
		require.NoError(t, err)
		_, err = s.SQL.Exec(t.Context(), "TRUNCATE sync_attempts, sync_rejects")
		require.NoError(t, err)
		require.Empty(t, s.Leaks())
	}

	packed := task.Task{ID: "1", Name: "a " + systest.Secret}
	_, err := s.SQL.Exec(t.Context(), "UPDATE sync_records SET status = 'running', end_time = NULL WHERE id = $1", id)
	require.NoError(t, err)
	saved, err := s.Store.SavePage(t.Context(), task.Claim{RecordID: id, Seq: 99, ClaimedRows: task.ClaimedRows{Batches: [][]task.Row{{{Task: packed}}}}})
	require.NoError(t, err)
	require.True(t, saved)
	require.Contains(t, strings.Join(s.Leaks(), "\n"), "the claim", "packed, whether zstd compressed it or not")
	_, err = s.SQL.Exec(t.Context(), "DELETE FROM sync_pages WHERE seq = 99")
	require.NoError(t, err)

	for name, options := range map[string]client.StartWorkflowOptions{
		"memo":  {Memo: map[string]any{"locked_by": systest.Secret}},
		"input": {},
	} {
		options.ID, options.TaskQueue = "leak-"+name, "nobody"
		var input []any
		if name == "input" {
			input = append(input, systest.Secret)
		}
		_, err := s.Temporal.ExecuteWorkflow(t.Context(), options, "Leak", input...)
		require.NoError(t, err)
		s.Eventually("the leak through a "+name, func() bool {
			leaks := strings.Join(s.Leaks(), "\n")
			return strings.Contains(leaks, "leak-"+name)
		})
	}
	before := len(s.Leaks())
	s.Launch(systest.CLI, []string{systest.Secret}).ExitCode()
	require.Greater(t, len(s.Leaks()), before, "in a log: the unknown command is repeated")
}
