package guanke_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tasksync/guanke"
	"tasksync/guanke/mapping"
	"tasksync/guanke/sim"
	"tasksync/task"
)

func TestPagesEqualTheTruth(t *testing.T) {
	t.Parallel()
	for _, concurrency := range []int{1, 2, 5} {
		t.Run(strconv.Itoa(concurrency), func(t *testing.T) {
			t.Parallel()
			_, address := newSim(t, sim.Config{TasksPerDay: 20_000})
			c := newClient(t, address, func(cfg *guanke.Config) { cfg.Concurrency = concurrency })
			w := task.Window{From: at("2026-11-22 00:00:00"), To: at("2026-11-23 00:00:00")}

			before := time.Now()
			pages, err := read(t.Context(), c, w)
			require.NoError(t, err)
			require.Len(t, pages, 20)
			require.Equal(t, truth(t, address, w.From, w.To.Add(-time.Second)), tasksOf(pages))
			for i, p := range pages {
				require.Empty(t, p.Rejects)
				require.Equal(t, 20_000, *p.Total)
				require.Equal(t, i == len(pages)-1, p.Next == "")
				require.WithinRange(t, p.FetchedAt, before, time.Now())
			}
		})
	}
}

func TestPagesGoOnFromACursor(t *testing.T) {
	t.Parallel()
	_, address := newSim(t, sim.Config{TasksPerDay: 300})
	small := func(cfg *guanke.Config) { cfg.PageSize = 70 }
	w := task.Window{From: at("2026-11-10 00:00:00"), To: at("2026-11-19 00:00:00")}
	pages, err := read(t.Context(), newClient(t, address, small), w)
	require.NoError(t, err)
	require.Len(t, pages, 30+9)
	require.Equal(t, 0, pages[29].Span)
	require.Equal(t, 1, pages[30].Span)
	require.Equal(t, 2100, *pages[29].Total)
	require.Equal(t, 600, *pages[30].Total)

	for _, i := range []int{0, 4, 28, 29, 31, 37} {
		// A client with another page size goes on in the pages of the cursor.
		var rest []task.Task
		for page, err := range newClient(t, address, nil).Pages(t.Context(), w, pages[i].Next) {
			require.NoError(t, err)
			rest = append(rest, page.Tasks...)
		}
		require.Equal(t, tasksOf(pages[i+1:]), rest)
	}
}

func TestBadCursor(t *testing.T) {
	t.Parallel()
	_, address := newSim(t, sim.Config{})
	c := newClient(t, address, nil)
	for _, cursor := range []string{"x", "0.1", "0.0.10", "0.1.1001", "0.1.0", "1.1.10", "-1.1.10", "0.01.10", "0.1.10.1", "+0.1.10", "0.99999999999999999999.10"} {
		n := 0
		for _, err := range c.Pages(t.Context(), today, cursor) {
			n++
			require.Equal(t, task.CodeInternal, task.CodeOf(err), cursor)
		}
		require.Equal(t, 1, n, cursor)
	}
}

func TestWindowsAtTheEdges(t *testing.T) {
	t.Parallel()
	server, address := newSim(t, sim.Config{TasksPerDay: 200})
	server.Freeze(at("2026-11-24 09:00:00"))
	second := time.Second
	midnight := at("2026-11-23 00:00:00")
	for name, w := range map[string]task.Window{
		"a day":                   {From: midnight, To: midnight.AddDate(0, 0, 1)},
		"the first second":        {From: midnight, To: midnight.Add(second)},
		"the second before":       {From: midnight.Add(-second), To: midnight},
		"fractions of a second":   {From: midnight.Add(-second / 2), To: midnight.Add(second / 2)},
		"after the first second":  {From: midnight.Add(1), To: midnight.AddDate(0, 0, 1)},
		"exactly seven days":      {From: midnight.AddDate(0, 0, -7), To: midnight},
		"seven days and a second": {From: midnight.AddDate(0, 0, -7), To: midnight.Add(second)},
		"three weeks":             {From: midnight.AddDate(0, 0, -21), To: midnight.Add(5 * time.Hour)},
	} {
		for _, zone := range []string{"UTC", "America/New_York", "Asia/Kathmandu", "Pacific/Kiritimati"} {
			t.Run(name+" "+zone, func(t *testing.T) {
				t.Parallel()
				in := mustZone(zone)
				pages, err := read(t.Context(), newClient(t, address, nil), task.Window{From: w.From.In(in), To: w.To.In(in)})
				require.NoError(t, err)
				var want []task.Task
				for _, x := range truth(t, address, w.From.Add(-time.Hour), w.To.Add(time.Hour)) {
					if !x.CreatedAt.Before(w.From) && x.CreatedAt.Before(w.To) {
						want = append(want, x)
					}
				}
				require.NotEmpty(t, want)
				require.Equal(t, want, tasksOf(pages))
				last := pages[len(pages)-1]
				require.Equal(t, int((w.To.Sub(w.From)-1)/(7*24*time.Hour)), last.Span)
			})
		}
	}
}

func TestSourceWithSummerTime(t *testing.T) {
	t.Parallel()
	zone := mustZone("America/New_York")
	server, address := newSim(t, sim.Config{TasksPerDay: 100, Zone: zone})
	server.Freeze(time.Date(2026, 12, 1, 0, 0, 0, 0, zone))
	c := newClient(t, address, func(cfg *guanke.Config) { cfg.Zone = zone })
	for _, from := range []time.Time{
		time.Date(2026, 3, 1, 0, 0, 0, 0, zone),   // A day of 23 hours follows,
		time.Date(2026, 10, 28, 0, 0, 0, 0, zone), // one of 25.
	} {
		pages, err := read(t.Context(), c, task.Window{From: from, To: from.AddDate(0, 0, 14)})
		require.NoError(t, err)
		require.Len(t, tasksOf(pages), 1400)
		require.Equal(t, 1, pages[len(pages)-1].Span)
	}
}

func TestEmptyWindowAsksNothing(t *testing.T) {
	t.Parallel()
	c := newClient(t, "http://127.0.0.1:1", nil)
	midnight := at("2026-11-23 00:00:00")
	for _, w := range []task.Window{
		{From: midnight, To: midnight},
		{From: midnight, To: midnight.Add(-time.Hour)},
		{From: midnight.Add(time.Millisecond), To: midnight.Add(time.Second)},
	} {
		pages, err := read(t.Context(), c, w)
		require.NoError(t, err)
		require.Len(t, pages, 1)
		require.Empty(t, pages[0].Tasks)
		require.Empty(t, pages[0].Next)
		require.Equal(t, 0, *pages[0].Total)
		require.False(t, pages[0].FetchedAt.IsZero())
	}
}

func TestWhatIsAsked(t *testing.T) {
	t.Parallel()
	var got url.Values
	c := newClient(t, serve(t, source(func(w http.ResponseWriter, r *http.Request) {
		got = r.URL.Query()
		assertHeader := r.Header.Get("Authorization") == "t0ken" && r.Header.Get("Content-Type") == "application/json"
		if !assertHeader {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		list("", 0)(w, r)
	})), nil)
	_, err := read(t.Context(), c, task.Window{From: today.From, To: at("2026-11-23 14:00:00").Add(time.Millisecond)})
	require.NoError(t, err)
	require.Equal(t, url.Values{
		"page": {"1"}, "pageSize": {"1000"},
		"startTime": {"2026-11-23 00:00:00"}, "endTime": {"2026-11-23 14:00:00"},
	}, got)
}

func TestEntriesOutsideTheWindowAreDropped(t *testing.T) {
	t.Parallel()
	entry := func(id int, at time.Time) string {
		return fmt.Sprintf(`{"id":%d,"taskName":"x","createTime":%d}`, id, at.Unix())
	}
	c := newClient(t, serve(t, source(list(entry(1, today.From.Add(-time.Second))+","+
		entry(2, today.From)+","+entry(3, today.To.Add(-time.Second))+","+entry(4, today.To), 4))), nil)
	pages, err := read(t.Context(), c, today)
	require.NoError(t, err)
	require.Len(t, pages, 1)
	require.Equal(t, "2", pages[0].Tasks[0].ID)
	require.Equal(t, "3", pages[0].Tasks[1].ID)
	require.Len(t, pages[0].Tasks, 2)
	require.Equal(t, 4, *pages[0].Total)
}

// growing answers pages of two of a list whose length size gives for each page
// asked; a negative one is not told.
func growing(size func(page int) (have int, told bool)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		page, _ := strconv.Atoi(r.URL.Query().Get("page"))
		have, told := size(page)
		body := ""
		for i := (page - 1) * 2; i < min(page*2, have); i++ {
			if body != "" {
				body += ","
			}
			body += fmt.Sprintf(`{"id":%d,"taskName":"x","createTime":%d}`, i+1, today.From.Unix()+int64(i))
		}
		if told {
			list(body, have)(w, r)
			return
		}
		text(fmt.Sprintf(`{"code":200,"data":{"data":[%s]}}`, body))(w, r)
	}
}

func TestWhereAListEnds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		size  func(page int) (int, bool)
		tasks int
		pages int
	}{
		"full last page":           {func(int) (int, bool) { return 4, true }, 4, 2},
		"short last page":          {func(int) (int, bool) { return 5, true }, 5, 3},
		"empty":                    {func(int) (int, bool) { return 0, true }, 0, 1},
		"grows on the last page":   {func(p int) (int, bool) { return 4 + p/2, true }, 5, 3},
		"shrinks":                  {func(p int) (int, bool) { return 10 - 3*(p-1), true }, 4, 3},
		"no total, short page":     {func(int) (int, bool) { return 5, false }, 5, 3},
		"no total, empty page":     {func(int) (int, bool) { return 4, false }, 4, 3},
		"total only on first page": {func(p int) (int, bool) { return 5, p == 1 }, 5, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := newClient(t, serve(t, source(growing(c.size))), func(cfg *guanke.Config) { cfg.PageSize = 2 })
			pages, err := read(t.Context(), client, today)
			require.NoError(t, err)
			require.Len(t, pages, c.pages)
			require.Len(t, tasksOf(pages), c.tasks)
		})
	}
}

func TestTotalThatPromisesTooMuch(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	c := newClient(t, serve(t, source(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		list("", 1_000_000_000)(w, r)
	})), nil)
	pages, err := read(t.Context(), c, today)
	require.NoError(t, err)
	require.Len(t, pages, 1)
	require.EqualValues(t, 1, asked.Load())
}

func TestPrefetchIsBoundedAndEndsWithTheLoop(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := make(map[int]bool)
	ahead := make(chan int, 100)
	handler := func(w http.ResponseWriter, r *http.Request) {
		page, _ := strconv.Atoi(r.URL.Query().Get("page"))
		mu.Lock()
		seen[page] = true
		mu.Unlock()
		if page > 1 { // Until the client gives up.
			ahead <- page
			<-r.Context().Done()
			return
		}
		growing(func(int) (int, bool) { return 100, true })(w, r)
	}
	c := newClient(t, serve(t, source(handler)), func(cfg *guanke.Config) { cfg.PageSize = 2 })
	for page, err := range c.Pages(t.Context(), today, "") {
		require.NoError(t, err)
		require.Len(t, page.Tasks, 2)
		require.ElementsMatch(t, []int{2, 3}, []int{<-ahead, <-ahead})
		break
	}
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, map[int]bool{1: true, 2: true, 3: true}, seen)
}

func TestCanceledContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := newClient(t, serve(t, source(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})), nil)
	_, err := read(ctx, c, today)
	require.Equal(t, context.Canceled, err)
	_, err = read(ctx, c, task.Window{})
	require.Equal(t, context.Canceled, err)
	require.Equal(t, context.Canceled, c.Check(ctx))
}

func TestRateLimitGivesUpBeforeTheDeadline(t *testing.T) {
	t.Parallel()
	_, address := newSim(t, sim.Config{})
	c := newClient(t, address, func(cfg *guanke.Config) { cfg.RatePerSecond = 0.001 })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, c.Check(ctx)) // The only request of 1,000 s.
	_, err := read(ctx, c, today)
	require.Equal(t, context.DeadlineExceeded, err)
}

// A source that gives smaller pages than it was asked for is read to its end,
// by page and by offset, with a total and with a flag.
func TestSourceWithSmallerPagesLosesNothing(t *testing.T) {
	t.Parallel()
	const limit, total = 25, 93
	for _, paging := range []string{
		"{style: page, param: p, size: n, total: .total}", "{style: offset, param: p, size: n, total: .total}",
		"{style: page, param: p, size: n, has_more: .more}", "{style: offset, param: p, size: n, has_more: .more}",
		"{style: offset, param: p, size: n, has_more: .more, total: .total}",
	} {
		t.Run(paging, func(t *testing.T) {
			t.Parallel()
			m, err := mapping.Parse("x", []byte("version: 1\nauth: {kind: none}\nlist: {path: /x, items: .rows, paging: "+paging+"}\n"+
				"fields: {id: .id, name: .taskName, created_at: {path: .createTime, format: unix}}"))
			require.NoError(t, err)
			address := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				at, _ := strconv.Atoi(r.URL.Query().Get("p"))
				size, _ := strconv.Atoi(r.URL.Query().Get("n"))
				size = min(size, limit)
				if strings.Contains(paging, "page,") {
					at = (at - 1) * size
				}
				var rows []string
				for i := at; i < min(at+size, total); i++ {
					rows = append(rows, fields(fmt.Sprintf(`"id":%d`, i)))
				}
				fmt.Fprintf(w, `{"rows":[%s],"total":%d,"more":%v}`, strings.Join(rows, ","), total, at+size < total)
			}))
			pages, err := read(t.Context(), newClient(t, address, func(cfg *guanke.Config) { cfg.Mapping = m }), today)
			require.NoError(t, err)
			ids := map[string]bool{}
			for _, x := range tasksOf(pages) {
				require.False(t, ids[x.ID], "no task comes twice")
				ids[x.ID] = true
			}
			require.Len(t, ids, total)
			require.Len(t, pages, 4)
		})
	}
}
