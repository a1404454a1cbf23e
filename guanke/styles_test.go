package guanke_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tasksync/guanke"
	"tasksync/guanke/mapping"
	"tasksync/task"
)

// mapped makes a client by one of the mappings in mapping/testdata, or by text
// that looks like one.
func mapped(t *testing.T, address, file string, change func(*guanke.Config)) *guanke.Client {
	t.Helper()
	m, err := mapping.Load("mapping/testdata/" + file)
	if strings.Contains(file, "\n") {
		m, err = mapping.Parse("inline.yaml", []byte(file))
	}
	require.NoError(t, err)
	return newClient(t, address, func(cfg *guanke.Config) {
		cfg.Mapping = m
		if change != nil {
			change(cfg)
		}
	})
}

// writeJSON answers v.
func writeJSON(w http.ResponseWriter, v any) {
	if err := json.NewEncoder(w).Encode(v); err != nil {
		panic(err)
	}
}

type object = map[string]any

// made are n tasks' creation times, a minute apart, from the start of today.
func made(n int) []time.Time {
	var out []time.Time
	for i := range n {
		out = append(out, today.From.Add(time.Duration(i)*time.Minute+time.Duration(i%1000)*time.Millisecond))
	}
	return out
}

// rest is a plain server: offset paging, no envelope, no token.
func rest(t *testing.T, times []time.Time) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/tasks", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if len(q) != 5 || q.Get("type") != "robot" || r.Header.Get("Authorization") != "" {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		number := func(name string) int64 {
			n, err := strconv.ParseInt(q.Get(name), 10, 64)
			if err != nil {
				t.Error(name, err)
			}
			return n
		}
		from, to, offset, limit := number("created_from"), number("created_to"), int(number("offset")), int(number("limit"))
		out := []object{}
		for i, at := range times {
			if at.Before(time.Unix(from, 0)) || !at.Before(time.Unix(to, 0)) {
				continue
			}
			if offset--; offset >= 0 || len(out) == limit {
				continue
			}
			entry := object{
				"task": object{"id": 9007199254740993 + i, "title": fmt.Sprint("名", i), "version": i, "kind": "a"}, "status": i % 4,
				"counts": object{"total": 10, "called": "9", "connected": 8, "ok": 7}, "created_ms": at.UnixMilli(),
				"package": "上海-1014-高中-10000", "seen_at": time.Now().String(),
			}
			if i%2 == 1 {
				entry["task"].(object)["title"] = nil
				entry["title"] = fmt.Sprint("题", i)
			}
			out = append(out, entry)
		}
		writeJSON(w, out)
	})
	return mux
}

func TestPlainREST(t *testing.T) {
	t.Parallel()
	times := made(500)
	address := serve(t, rest(t, times))
	for _, size := range []int{1000, 7} {
		c := mapped(t, address, "rest.yaml", func(cfg *guanke.Config) { cfg.Secret, cfg.PageSize = "", size })
		require.NoError(t, c.Check(t.Context()))
		w := task.Window{From: times[3], To: times[450].Add(time.Millisecond)}
		pages, err := read(t.Context(), c, w)
		require.NoError(t, err)
		require.Len(t, pages, 448/min(size, 200)+1)
		got := tasksOf(pages)
		require.Len(t, got, 448)
		for i, x := range got {
			i += 3
			title, state := "名", strconv.Itoa(i%4)
			if i%2 == 1 {
				title = "题"
			}
			require.Equal(t, task.Task{
				ID: strconv.Itoa(9007199254740993 + i), Name: fmt.Sprint(title, i), PackageRef: "上海-1014-高中-10000",
				State: map[string]string{"0": "等待", "1": "进行中", "2": "结束", "3": "3"}[state],
				Total: 10, Called: 9, Connected: 8, Succeeded: 7, CreatedAt: times[i],
				Attributes: []byte(`{"task":{"kind":"a"}}`),
			}, x)
		}
		for _, p := range pages {
			require.Nil(t, p.Total)
			require.Empty(t, p.Rejects)
		}

		var rest []task.Task
		for page, err := range c.Pages(t.Context(), w, pages[0].Next) {
			require.NoError(t, err)
			rest = append(rest, page.Tasks...)
		}
		require.Equal(t, tasksOf(pages[1:]), rest)
	}
}

// cloud is a cursor API with tokens that end, in the manner of cursor.yaml.
type cloud struct {
	t     *testing.T
	times []time.Time
	mu    sync.Mutex
	// tokens counts those given, refused the calls without a good one.
	tokens, refused int
	// expires is expires_in of the tokens, next replaces meta, failure the
	// whole answer.
	expires int
	meta    func(next string, more bool) object
	failure func(n int) object
	asked   []object
}

func (s *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Method != http.MethodPost {
		w.WriteHeader(http.StatusTeapot)
		return
	}
	if r.URL.Path == "/oauth/token" {
		if r.PostFormValue("client_secret") != secret || r.PostFormValue("grant_type") != "client_credentials" {
			w.WriteHeader(http.StatusBadRequest)
			writeJSON(w, object{"error": "invalid_client", "error_description": "no such client " + secret})
			return
		}
		s.tokens++
		writeJSON(w, object{"access_token": fmt.Sprint("t", s.tokens), "expires_in": strconv.Itoa(s.expires)})
		return
	}
	var in struct {
		Sort   string
		Filter struct {
			Kinds    []string
			From, To string
		}
		Page struct {
			After string
			Size  int
		}
	}
	var asked object
	body := json.NewDecoder(r.Body)
	raw := json.RawMessage{}
	if body.Decode(&raw) != nil || json.Unmarshal(raw, &in) != nil || json.Unmarshal(raw, &asked) != nil ||
		in.Sort != "created" || len(in.Filter.Kinds) != 1 || r.Header.Get("X-Tenant") != "east" {
		s.t.Errorf("bad body %s", raw)
	}
	s.asked = append(s.asked, asked)
	if s.failure != nil {
		if answer := s.failure(len(s.asked)); answer != nil {
			writeJSON(w, answer)
			return
		}
	}
	if r.Header.Get("Authorization") != fmt.Sprint("Bearer t", s.tokens) {
		s.refused++
		writeJSON(w, object{"status": "error", "error": object{"code": "TOKEN_EXPIRED", "text": "again"}})
		return
	}
	parse := func(text string) time.Time {
		at, err := time.ParseInLocation("2006-01-02T15:04:05.000", text, time.UTC)
		if err != nil {
			s.t.Error(err)
		}
		return at
	}
	from, to := parse(in.Filter.From), parse(in.Filter.To)
	jobs, next := []object{}, ""
	for i, at := range s.times {
		if at.Before(from) || !at.Before(to) || in.Page.After != "" && fmt.Sprintf("%05d", i) <= in.Page.After {
			continue
		}
		if len(jobs) == in.Page.Size {
			next = fmt.Sprintf("%05d", i-1)
			break
		}
		jobs = append(jobs, object{
			"id": i, "name": "n", "state": "RUNNING", "created": at.In(shanghai).Format(time.RFC3339Nano), "package": object{"id": 77, "name": "x"},
			"numbers": []object{{"called": true}, {"called": false}, {"called": true}}, "price": json.Number("12.50"),
		})
	}
	meta := object{"next": next, "has_more": next != ""}
	if s.meta != nil {
		meta = s.meta(next, next != "")
	}
	writeJSON(w, object{"status": "ok", "jobs": jobs, "meta": meta})
}

func TestCursorAPI(t *testing.T) {
	t.Parallel()
	s := &cloud{t: t, times: made(120), expires: 3600}
	c := mapped(t, serve(t, s), "cursor.yaml", func(cfg *guanke.Config) { cfg.PageSize = 50 })
	w := task.Window{From: s.times[0], To: s.times[119]}
	pages, err := read(t.Context(), c, w)
	require.NoError(t, err)
	require.Len(t, pages, 3)
	got := tasksOf(pages)
	require.Len(t, got, 119)
	for i, x := range got {
		require.Equal(t, task.Task{
			ID: strconv.Itoa(i), Name: "n", State: "running", Total: 3, Called: 2, PackageRef: "77", CreatedAt: s.times[i].UTC(),
			Attributes: x.Attributes,
		}, x)
		require.JSONEq(t, `{"price":12.50,"package":{"name":"x"}}`, string(x.Attributes))
		require.Contains(t, string(x.Attributes), "12.50")
	}
	require.Equal(t, 1, s.tokens)
	require.Equal(t, object{"from": "2026-11-22T16:00:00.000", "to": "2026-11-22T17:59:00.119", "kinds": []any{"robot"}}, s.asked[0]["filter"])
	require.Equal(t, object{"size": 50.0}, s.asked[0]["page"])
	require.Equal(t, object{"size": 50.0, "after": "00049"}, s.asked[1]["page"])

	for i := range 2 {
		var rest []task.Task
		for page, err := range c.Pages(t.Context(), w, pages[i].Next) {
			require.NoError(t, err)
			rest = append(rest, page.Tasks...)
		}
		require.Equal(t, tasksOf(pages[i+1:]), rest)
	}
}

func TestTokenThatEndsIsReplacedBefore(t *testing.T) {
	t.Parallel()
	s := &cloud{t: t, times: made(3), expires: 3600}
	c := mapped(t, serve(t, s), "cursor.yaml", nil)
	readAll := func() {
		_, err := read(t.Context(), c, task.Window{From: s.times[0], To: s.times[2]})
		require.NoError(t, err)
	}
	readAll()
	readAll()
	require.Equal(t, 1, s.tokens)

	// A token of one second is replaced although the source never refuses it.
	s = &cloud{t: t, times: made(3), expires: 1}
	c = mapped(t, serve(t, s), "cursor.yaml", nil)
	for readAll(); s.tokens == 1; readAll() {
		time.Sleep(20 * time.Millisecond)
	}
	require.Equal(t, 2, s.tokens)
	require.Zero(t, s.refused)
}

func TestRefusalsByWord(t *testing.T) {
	t.Parallel()
	refusal := func(code, text string) object {
		return object{"status": "error", "error": object{"code": code, "text": text}}
	}
	for name, tc := range map[string]struct {
		failure func(int) object
		code    task.Code
		says    string
	}{
		"expired once":  {func(n int) object { return map[int]object{1: refusal("TOKEN_EXPIRED", "")}[n] }, "", ""},
		"expired twice": {func(int) object { return refusal("TOKEN_EXPIRED", "") }, task.CodeSourceUnavailable, "连续两次"},
		"busy":          {func(int) object { return refusal("BUSY", "later") }, task.CodeSourceUnavailable, "BUSY，请稍后再试（冠客：later）"},
		"denied":        {func(int) object { return refusal("DENIED", "") }, task.CodeSourceAuth, "GUANKE_API_SECRET"},
		"other":         {func(int) object { return refusal("WHAT", "") }, task.CodeSourceContract, "WHAT"},
		"no code":       {func(int) object { return object{"status": "no"} }, task.CodeSourceContract, "失败的答复"},
		"no list":       {func(int) object { return object{"status": "ok"} }, task.CodeSourceContract, "jobs"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &cloud{t: t, times: made(1), expires: 60, failure: tc.failure}
			_, err := read(t.Context(), mapped(t, serve(t, s), "cursor.yaml", nil), today)
			require.Equal(t, tc.code, task.CodeOf(err), err)
			if tc.code != "" {
				require.Contains(t, task.MessageOf(err), tc.says)
			}
			requireClean(t, err)
		})
	}
	s := &cloud{t: t}
	err := mapped(t, serve(t, s), "cursor.yaml", func(cfg *guanke.Config) { cfg.Secret = "wrong" }).Check(t.Context())
	require.Equal(t, task.CodeSourceAuth, task.CodeOf(err))
	require.Contains(t, task.MessageOf(err), "no such client")
}

func TestPagingWithoutAnEnd(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		meta func(string, bool) object
		says string
	}{
		"the same cursor":        {func(string, bool) object { return object{"next": "00000", "has_more": true} }, "就是这一页"},
		"more without a cursor":  {func(string, bool) object { return object{"has_more": true} }, "没有给出"},
		"more behind an end":     {func(n string, _ bool) object { return object{"next": n + "x", "has_more": true} }, "空的一页"},
		"cursor of another kind": {func(string, bool) object { return object{"next": object{}, "has_more": true} }, "meta.next"},
		"has_more of no kind":    {func(n string, _ bool) object { return object{"next": n, "has_more": "perhaps"} }, "meta.has_more"},
		"our secret":             {func(string, bool) object { return object{"next": "x" + secret, "has_more": true} }, "凭据"},
		"a long cursor":          {func(string, bool) object { return object{"next": strings.Repeat("x", 5000), "has_more": true} }, "4096"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &cloud{t: t, times: made(10), expires: 60, meta: tc.meta}
			c := mapped(t, serve(t, s), "cursor.yaml", func(cfg *guanke.Config) { cfg.PageSize = 3 })
			_, err := read(t.Context(), c, today)
			require.Equal(t, task.CodeSourceContract, task.CodeOf(err), err)
			require.Contains(t, task.MessageOf(err), tc.says)
		})
	}
}

func TestCirclesAreFound(t *testing.T) {
	t.Parallel()
	for _, length := range []int{2, 3, 7, 50} {
		t.Run(strconv.Itoa(length), func(t *testing.T) {
			t.Parallel()
			n := 0
			s := &cloud{t: t, times: made(1), expires: 60, meta: func(string, bool) object {
				n++
				return object{"next": fmt.Sprintf("-%d", n%length), "has_more": true}
			}}
			c := mapped(t, serve(t, s), "cursor.yaml", func(cfg *guanke.Config) { cfg.PageSize = 1 })
			// One page a call, as chunks do: the circle is found all the same.
			var err error
			for cursor, pages := "", 0; err == nil; pages++ {
				require.Less(t, pages, 10*length+20)
				for page, pageErr := range c.Pages(t.Context(), today, cursor) {
					cursor, err = page.Next, pageErr
					break
				}
			}
			require.Equal(t, task.CodeSourceContract, task.CodeOf(err))
			require.Contains(t, task.MessageOf(err), "没完没了")
		})
	}
}

// linked is a server with Link headers and basic auth.
type linked struct {
	times []time.Time
	link  func(r *http.Request, next string) string
	query []url.Values
}

func (s *linked) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user, pass, _ := r.BasicAuth()
	if user != "ops" || pass != password {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	q := r.URL.Query()
	s.query = append(s.query, r.URL.Query())
	since, err := time.Parse(time.RFC3339, q.Get("since"))
	until, err2 := time.Parse(time.RFC3339, q.Get("until"))
	size, err3 := strconv.Atoi(q.Get("per_page"))
	if err != nil || err2 != nil || err3 != nil {
		writeJSON(w, object{"result": "BAD", "reason": "times"})
		return
	}
	skip, _ := strconv.Atoi(q.Get("skip"))
	total, out := 0, []object{}
	for i, at := range s.times {
		if at.Before(since) || !at.Before(until) {
			continue
		}
		if total++; total > skip && len(out) < size {
			out = append(out, object{"uuid": fmt.Sprint("u-", i), "label": "n", "created": at.UTC().Format(time.RFC3339Nano)})
		}
	}
	if skip+len(out) < total {
		q.Set("skip", strconv.Itoa(skip+len(out)))
		next := "/campaigns?" + q.Encode()
		w.Header().Add("Link", `<http://elsewhere.example/doc>; rel="help", `+s.link(r, next))
	}
	writeJSON(w, object{"result": "OK", "campaigns": out, "total": total})
}

func relative(_ *http.Request, next string) string { return "<" + next + `>; title="more"; rel="next"` }

func TestLinkAPI(t *testing.T) {
	t.Parallel()
	s := &linked{times: made(2000), link: relative}
	byUser := func(cfg *guanke.Config) {
		cfg.Secret, cfg.Username, cfg.Password, cfg.PageSize = "", "ops", password, 80
	}
	address := serve(t, s)
	c := mapped(t, address, "link.yaml", byUser)
	w := task.Window{From: s.times[5], To: s.times[1900]}
	pages, err := read(t.Context(), c, w)
	require.NoError(t, err)
	got := tasksOf(pages)
	require.Len(t, got, 1895)
	for i, x := range got {
		require.Equal(t, task.Task{ID: fmt.Sprint("u-", i+5), Name: "n", CreatedAt: s.times[i+5]}, x)
	}
	require.Equal(t, 1, pages[len(pages)-1].Span)
	totals := map[int]int{}
	for _, p := range pages {
		totals[p.Span] = *p.Total
	}
	require.Equal(t, 1895, totals[0]+totals[1])
	require.Equal(t, url.Values{
		"since": {"2026-11-23T00:05:00.005+08:00"}, "until": {"2026-11-24T00:05:00.005+08:00"}, "per_page": {"80"},
	}, s.query[0])

	var rest []task.Task
	for page, err := range c.Pages(t.Context(), w, pages[3].Next) {
		require.NoError(t, err)
		rest = append(rest, page.Tasks...)
	}
	require.Equal(t, tasksOf(pages[4:]), rest)

	_, err = read(t.Context(), mapped(t, address, "link.yaml", func(cfg *guanke.Config) {
		byUser(cfg)
		cfg.Password = "wrong"
	}), w)
	require.Equal(t, task.CodeSourceAuth, task.CodeOf(err))
	require.Contains(t, task.MessageOf(err), "GUANKE_PASSWORD")
}

func TestLinksThatAreNotFollowed(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		link func(r *http.Request, next string) string
		says string
	}{
		"another host":   {func(_ *http.Request, next string) string { return `<http://evil.example` + next + `>; rel=next` }, "别的地址"},
		"another scheme": {func(r *http.Request, next string) string { return `<https://` + r.Host + next + `>; rel=next` }, "别的地址"},
		"another port":   {func(_ *http.Request, next string) string { return `<http://127.0.0.1:1` + next + `>; rel=next` }, "别的地址"},
		"no address":     {func(*http.Request, string) string { return `<http://[::1>; rel=next` }, "不是有效的地址"},
		"itself":         {func(r *http.Request, _ string) string { return `<` + r.URL.String() + `>; rel="prev next"` }, "就是这一页"},
		"our secret": {func(_ *http.Request, next string) string {
			return `<` + next + `&p=` + url.QueryEscape(password) + `>; rel=next`
		}, "凭据"},
		"a long one": {func(_ *http.Request, next string) string {
			return `<` + next + `&p=` + strings.Repeat("x", 5000) + `>; rel=next`
		}, "4096"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &linked{times: made(30), link: tc.link}
			c := mapped(t, serve(t, s), "link.yaml", func(cfg *guanke.Config) {
				cfg.Secret, cfg.Username, cfg.Password, cfg.PageSize = "", "ops", password, 10
			})
			_, err := read(t.Context(), c, today)
			require.Equal(t, task.CodeSourceContract, task.CodeOf(err), err)
			require.Contains(t, task.MessageOf(err), tc.says)
			requireClean(t, err)
			for _, q := range s.query {
				require.Empty(t, q.Get("p"))
			}
		})
	}
}

func TestCursorOfAnotherMappingIsRefused(t *testing.T) {
	t.Parallel()
	address := serve(t, rest(t, made(50)))
	c := mapped(t, address, "rest.yaml", func(cfg *guanke.Config) { cfg.PageSize = 10 })
	pages, err := read(t.Context(), c, today)
	require.NoError(t, err)
	other := mapped(t, address, "cursor.yaml", nil)
	for _, err := range other.Pages(t.Context(), today, pages[0].Next) {
		require.Equal(t, task.CodeInvalidArgument, task.CodeOf(err))
		require.Contains(t, task.MessageOf(err), "TASKSYNC_SOURCE_MAPPING")
	}
}

func TestMissingCredentialsAreNamed(t *testing.T) {
	t.Parallel()
	for file, says := range map[string]string{
		"cursor.yaml": "请设置 GUANKE_API_SECRET", "link.yaml": "同时设置 GUANKE_PASSWORD 和 GUANKE_USERNAME",
	} {
		m, err := mapping.Load("mapping/testdata/" + file)
		require.NoError(t, err)
		_, err = guanke.New(guanke.Config{BaseURL: "http://a", Mapping: m, Username: "u"})
		require.Equal(t, task.CodeInvalidArgument, task.CodeOf(err))
		require.Contains(t, task.MessageOf(err), says)
	}
}
