package e2e_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tasksync/internal/systest"
	"tasksync/task"
)

// malformedSource answers the given pages, each the text of its entries, and
// says that it has total tasks.
func malformedSource(t *testing.T, total int, pages ...string) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/token") {
			fmt.Fprint(w, `{"code":200,"data":{"token":"t0ken"}}`)
			return
		}
		entries := ""
		for i, page := range pages {
			if r.URL.Query().Get("page") == fmt.Sprint(i+1) {
				entries = page
			}
		}
		fmt.Fprintf(w, `{"code":200,"message":"OK","data":{"data":[%s],"totalCount":%d}}`, entries, total)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// Bad tasks cost only themselves: those beside them are stored, and each bad
// one stands in error_details with its reason, whatever bytes it was made of.
func TestBadTasksCostOnlyThemselves(t *testing.T) {
	t.Parallel()
	at := time.Now().In(systest.Zone).AddDate(0, 0, -1).Unix()
	entry := func(id, name string) string {
		return fmt.Sprintf(`{"id":%s,"taskName":"%s","createTime":%d}`, id, name, at)
	}
	first := []string{
		entry("1", "甲-P1"), entry(`"2"`, "乙-P1"), entry("1", "甲-P1"), `{}`, entry("3", strings.Repeat("长", 501)),
		entry("9007199254740993", `😀\ud83d\ude00-P1`),
	}
	second := []string{
		entry(`"1"`, "甲-P1"), entry("5", `a\u0000b`), entry("6", "raw\x00nul"), entry("7", "\xb2\xe2\xca\xd4"), `{}`,
		entry("8", `half \ud800 pair`), entry("10", "丙-P1"),
	}
	const distinct = 10
	source := malformedSource(t, distinct, strings.Join(first, ","), strings.Join(second, ","))
	s := systest.Start(t, systest.WithEnv(systest.Worker, "GUANKE_BASE_URL="+source, "TASKSYNC_PAGE_SIZE=7"))

	a := s.Manual(task.Historical)
	require.Equal(t, http.StatusOK, a.Status, a.Text)
	id := a.Int("record_id")
	rec := s.Record(int64(id))
	require.Equal(t, task.Partial, rec.Status)
	require.Empty(t, rec.ErrorMessage, "a bad task is no drift")
	require.Equal(t, distinct, *rec.SourceTotal)
	c := rec.Counts
	require.Equal(t, []int{13, 3, distinct, 4, 6, 0}, []int{c.Fetched, c.Duplicate, c.Total, c.New, c.Rejected, c.Unstored}, "%+v", c)
	requireSums(t, rec)
	require.Equal(t, "1=甲-P1 10=丙-P1 2=乙-P1 9007199254740993=😀😀-P1",
		systest.Value[string](s, `SELECT string_agg(id || '=' || name, ' ' ORDER BY id) FROM tasks`))

	// The first is the entry without an id; the tasks have no package.
	shown := s.Get(fmt.Sprintf("/api/sync/records/%d", id))
	details, ok := shown.At("data.error_details").([]any)
	require.True(t, ok, shown.Text)
	got := map[string]string{}
	for i := range details {
		path := fmt.Sprintf("data.error_details.%d.", i)
		got[shown.Str(path+"task_id")+"="+shown.Str(path+"task_name")] = shown.Str(path + "error")
	}
	for task, reason := range map[string]string{
		"=":                             "缺少任务编号",
		"3=" + strings.Repeat("长", 500): "超过 500 个字符",
		"5=a�b":                         "空字符",
		"6=raw�nul":                     "空字符",
		"7=�":                           "UTF-8",
		"8=half � pair":                 "UTF-8",
	} {
		require.Contains(t, got[task], reason, "%s in %s", task, shown.Text)
	}
	require.Len(t, details, c.Failed)
	require.Equal(t, second[3], string(systest.Value[[]byte](s, `SELECT payload FROM sync_rejects WHERE task_id = '7'`)),
		"what was refused is kept as it came")

	again := s.Record(int64(s.Manual(task.Historical).Int("record_id")))
	require.Equal(t, 4, again.Counts.Unchanged)
	require.Equal(t, 6, again.Counts.Rejected)
	requireSums(t, again)
}
