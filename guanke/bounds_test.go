package guanke_test

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tasksync/guanke"
	"tasksync/guanke/sim"
	"tasksync/task"
)

// It runs alone, so that nothing else allocates.
func TestAnswersAreBoundedAsUnpacked(t *testing.T) {
	const limit = 4 << 20
	for _, body := range []string{sim.BodyBomb, sim.BodyEndless} {
		for _, scope := range []string{sim.ScopeList, sim.ScopeToken} {
			_, address := newSim(t, sim.Config{Faults: sim.Faults{Body: body, Scope: scope}})
			c := newClient(t, address, func(cfg *guanke.Config) { cfg.MaxBody = limit })
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := read(t.Context(), c, today)
			runtime.ReadMemStats(&after)
			require.Equal(t, task.CodeSourceContract, task.CodeOf(err), err)
			require.Contains(t, task.MessageOf(err), "超过上限 4 MiB，请减小每页条数（TASKSYNC_PAGE_SIZE）")
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(10*limit), "1 GiB is not unpacked")
		}
	}
}

func TestAnswerThatAnnouncesTooMuchIsNotRead(t *testing.T) {
	t.Parallel()
	c := newClient(t, serve(t, source(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(1<<40))
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})), nil)
	_, err := read(t.Context(), c, today)
	require.Equal(t, task.CodeSourceContract, task.CodeOf(err), err)
	require.Contains(t, task.MessageOf(err), "超过上限 16 MiB")
}

// A total that is too low costs no task, and an honest one that fills its last
// page costs one request more, whatever the source answers behind its end.
func TestListThatIsLongerThanItsTotal(t *testing.T) {
	t.Parallel()
	for _, total := range []string{sim.TotalLow, sim.TotalZero} {
		for _, size := range []int{4, 7, 19, 20, 28, 42, 83, 84, 85} {
			s, address := newSim(t, sim.Config{Faults: sim.Faults{Total: total}})
			c := newClient(t, address, func(cfg *guanke.Config) { cfg.PageSize = size })
			pages, err := read(t.Context(), c, task.WindowAt(task.Historical, noon, shanghai))
			require.NoError(t, err)
			require.Len(t, tasksOf(pages), 84, "%s, %d", total, size)
			require.Empty(t, pages[len(pages)-1].Next)
			require.LessOrEqual(t, s.Stats().Requests["/task/list/v2"], (84+size-1)/size+1)
		}
	}
}

func TestWhatFollowsAFullLastPage(t *testing.T) {
	t.Parallel()
	fourth := func(w http.ResponseWriter, r *http.Request) {
		r.URL.RawQuery = "page=2&pageSize=2"
		growing(func(int) (int, bool) { return 4, true })(w, r)
	}
	for name, tc := range map[string]struct {
		behind http.HandlerFunc
		code   task.Code
	}{
		"nothing":                {behind: list("", 4)},
		"HTTP 404":               {behind: status(404)},
		"an error code":          {behind: text(`{"code":1001,"message":"页码超出范围"}`)},
		"the last page again":    {behind: fourth},
		"HTTP 503":               {behind: status(503), code: task.CodeSourceUnavailable},
		"HTTP 403":               {behind: status(403), code: task.CodeSourceAuth},
		"nobody can read it":     {behind: text(`<html>`)},
		"it speaks of its token": {behind: status(401), code: task.CodeSourceUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			full := growing(func(int) (int, bool) { return 4, true })
			c := newClient(t, serve(t, source(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Query().Get("page") == "3" {
					tc.behind(w, r)
					return
				}
				full(w, r)
			})), func(cfg *guanke.Config) { cfg.PageSize = 2 })
			pages, err := read(t.Context(), c, today)
			require.Equal(t, tc.code, task.CodeOf(err))
			if tc.code != "" {
				require.Len(t, pages, 1, "the page before is asked for again")
				return
			}
			require.Len(t, pages, 2)
			require.Len(t, tasksOf(pages), 4)
			require.Empty(t, pages[1].Next)
		})
	}
}

func TestSourceThatTakesNoPageEnds(t *testing.T) {
	t.Parallel()
	c := newClient(t, serve(t, source(func(w http.ResponseWriter, r *http.Request) {
		r.URL.RawQuery = "page=1&pageSize=2"
		growing(func(int) (int, bool) { return 4, false })(w, r)
	})), func(cfg *guanke.Config) { cfg.PageSize = 2 })
	pages, err := read(t.Context(), c, today)
	require.Equal(t, task.CodeSourceContract, task.CodeOf(err), err)
	require.Equal(t, "冠客的第 2 页和前一页一样，请检查接口的分页参数", task.MessageOf(err))
	require.Len(t, pages, 1)
}

// Of a list that is longer than any page only so much is kept as shows that. It
// runs alone, so that nothing else allocates.
func TestListOfManySmallEntries(t *testing.T) {
	const n = 1_000_000
	body := `{"code":200,"data":{"totalCount":1,"data":[` + strings.Repeat("{},", n-1) + `{}]}}`
	c := newClient(t, serve(t, source(text(body))), nil)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := read(t.Context(), c, today)
	runtime.ReadMemStats(&after)
	require.Equal(t, task.CodeSourceContract, task.CodeOf(err))
	require.Contains(t, task.MessageOf(err), "1000000 条")
	require.Less(t, after.Mallocs-before.Mallocs, uint64(n/2))
}
