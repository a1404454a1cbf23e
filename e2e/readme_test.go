package e2e_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tasksync/internal/dev/checkout"
	"tasksync/internal/systest"
	"tasksync/task"
)

var sqlBlock = regexp.MustCompile("(?ms)^[ \t>]*```sql\n(.*?)^[ \t>]*```")

// The guide's SQL in its PostgreSQL form, as people paste it from the README.
func TestSQLOfTheREADMEWorksWhenPasted(t *testing.T) {
	t.Parallel()
	root, err := checkout.Root()
	require.NoError(t, err)
	for _, name := range []string{"README.md", "README.en.md"} {
		text, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		blocks := sqlBlock.FindAllStringSubmatch(string(text), -1)
		require.GreaterOrEqual(t, len(blocks), 2, "%s shows today's records and the deletion of old ones", name)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := systest.Start(t)
			today := int64(s.Manual(task.Today).Int("record_id"))
			old := int64(s.Manual(task.Historical).Int("record_id"))
			_, err := s.SQL.Exec(t.Context(), "UPDATE sync_records SET created_at = $2 WHERE id = $1", old, time.Now().AddDate(0, 0, -31))
			require.NoError(t, err)
			rows := int64(0)
			for _, b := range blocks {
				tag, err := s.SQL.Exec(t.Context(), b[1])
				require.NoError(t, err, b[1])
				if tag.Select() {
					rows += tag.RowsAffected()
				}
			}
			require.Positive(t, rows, "today's run is shown")
			require.Equal(t, []int64{today}, systest.Value[[]int64](s, "SELECT array_agg(id) FROM sync_records"), "the old record is gone, with what hung on it")
			require.Zero(t, systest.Value[int](s, "SELECT count(*) FROM sync_pages WHERE record_id = $1", old))
		})
	}
}
