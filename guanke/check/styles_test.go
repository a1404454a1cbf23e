package check_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tasksync/guanke"
	"tasksync/guanke/check"
	"tasksync/guanke/mapping"
	"tasksync/guanke/recording"
	"tasksync/task"
)

// A style is an installation that is built in yet another way.
type style struct {
	mapping string
	serve   func(w http.ResponseWriter, r *http.Request, all []item)
	window  task.Window
	// steps are the expected signs.
	steps string
	// tasks is how many the window has.
	tasks int
}

func plain(x item) map[string]any {
	return map[string]any{"no": x.no, "title": fmt.Sprintf("任务 %d", x.no), "at": x.created.Unix(), "day": x.created.Format(time.DateTime)}
}

func plains(all []item) []map[string]any {
	out := []map[string]any{}
	for _, x := range all {
		out = append(out, plain(x))
	}
	return out
}

func days(q url.Values, all []item) []item {
	return slices.DeleteFunc(slices.Clone(all), func(x item) bool {
		day := x.created.Format(time.DateOnly)
		return day < q.Get("from") || day > q.Get("to")
	})
}

// serveLinks gives days of tasks, with the next page in a header.
func serveLinks(w http.ResponseWriter, r *http.Request, all []item) {
	if user, pass, _ := r.BasicAuth(); user != "ops" || pass != password {
		write(w, http.StatusUnauthorized, map[string]any{"error": "who are you"})
		return
	}
	q := r.URL.Query()
	page, size := number(q.Get("p"), 1), number(q.Get("per_page"), 10)
	all = days(q, all)
	if page*size < len(all) {
		q.Set("p", fmt.Sprint(page+1))
		w.Header().Set("Link", fmt.Sprintf(`<http://%s/links?%s>; rel="next", <http://%s/links>; rel="first"`, r.Host, q.Encode(), r.Host))
	}
	write(w, http.StatusOK, plains(cut(all, (page-1)*size, size)))
}

func styles() map[string]style {
	const fields = `
fields: {id: .no, name: .title, created_at: {path: .at, format: unix}}
`
	const byDay = `
  window: {start: from, end: to, format: "2006-01-02", granularity: 1d, inclusive: true}
`
	const inOrder = "✓设置 –令牌 ✓连接 ✓第一页 ✓第二页 ✓时间窗口 ✓窗口起点 ✓窗口终点 ✓最长跨度 ✓无效的条目 ✓映射 ✓其余字段"
	return map[string]style{
		"links, basic, a bare list, days": {
			mapping: `
version: 1
auth: {kind: basic}
list:
  path: /links
  items: .
  paging: {style: link, size: per_page, largest: 50}` + byDay + fields,
			serve: serveLinks,
			steps: inOrder,
			tasks: 130,
		},
		"hours asked of days": {
			mapping: `
version: 1
auth: {kind: basic}
list:
  path: /links
  items: .
  paging: {style: link, size: per_page, largest: 50}` + byDay + fields,
			serve:  serveLinks,
			window: task.Window{From: window.From.Add(time.Hour), To: window.From.Add(3 * time.Hour)},
			steps:  inOrder,
			tasks:  5,
		},
		"pages from 0 with a flag, no window": {
			mapping: `
version: 1
auth: {kind: none}
list:
  path: /flagged
  items: .d.list
  paging: {style: page, param: pageIndex, first: 0, size: pageSize, largest: 20, has_more: .d.more}
envelope: {code: .ret, codes: {success: [0]}, message: .msg}` + fields,
			serve: func(w http.ResponseWriter, r *http.Request, all []item) {
				q := r.URL.Query()
				page, size := number(q.Get("pageIndex"), 0), number(q.Get("pageSize"), 10)
				write(w, http.StatusOK, map[string]any{"ret": 0, "msg": "", "d": map[string]any{
					"more": (page+1)*size < len(all), "list": plains(cut(all, page*size, size)),
				}})
			},
			steps: "✓设置 –令牌 ✓连接 ✓第一页 ✓第二页 !时间窗口 ✓无效的条目 ✓映射 ✓其余字段",
			tasks: 130,
		},
		"a token in the query, everything at once": {
			mapping: `
version: 1
auth:
  kind: token
  requests: [{path: /gettoken, query: {corpsecret: "${secret}"}}]
  token: .access_token
  expires_in: .expires_in
  send: {in: query, name: access_token}
list:
  path: /all
  items: .rows
  window: {start: b, end: e, format: unix, inclusive: false, longest: 3d}
  paging: {style: none}
envelope: {code: .errcode, codes: {success: [0], expired: [40014]}, message: .errmsg}` + fields,
			serve: func(w http.ResponseWriter, r *http.Request, all []item) {
				q := r.URL.Query()
				switch {
				case r.URL.Path == "/gettoken" && q.Get("corpsecret") == secret:
					write(w, http.StatusOK, map[string]any{"errcode": 0, "access_token": token, "expires_in": 7200})
				case r.URL.Path == "/gettoken" || q.Get("access_token") != token:
					write(w, http.StatusOK, map[string]any{"errcode": 40014, "errmsg": "invalid access_token " + q.Get("access_token") + q.Get("corpsecret")})
				case number(q.Get("e"), 0)-number(q.Get("b"), 0) > 3*86400:
					write(w, http.StatusOK, map[string]any{"errcode": 41001, "errmsg": "time range"})
				default:
					all = slices.DeleteFunc(slices.Clone(all), func(x item) bool {
						return int(x.created.Unix()) < number(q.Get("b"), 0) || int(x.created.Unix()) >= number(q.Get("e"), 0)
					})
					write(w, http.StatusOK, map[string]any{"errcode": 0, "errmsg": "ok", "rows": plains(all)})
				}
			},
			steps: "✓设置 ✓连接 ✓令牌 ✓第一页 –第二页 ✓时间窗口 ✓窗口起点 ✓窗口终点 ✓最长跨度 ✓无效的条目 ✓映射 ✓其余字段",
			tasks: 130,
		},
		"the next page's address in the answer": {
			mapping: `
version: 1
auth: {kind: none}
list:
  path: /jsonapi
  query: {"fields[task]": "no,title"}
  items: .data
  window: {start: "filter[from]", end: "filter[to]", format: unix, inclusive: false}
  paging:
    style: cursor
    param: page[cursor]
    size: page[size]
    largest: 40
    next: .links.next // "" | capture("cursor(%5D|\\])=(?<c>[^&]+)").c | @urid
    total: .meta.total
fields:
  id: .attributes.no
  name: .attributes.title
  created_at: {path: .attributes.at, format: unix}
`,
			serve: func(w http.ResponseWriter, r *http.Request, all []item) {
				q := r.URL.Query()
				all = slices.DeleteFunc(slices.Clone(all), func(x item) bool {
					return int(x.created.Unix()) < number(q.Get("filter[from]"), 0) || int(x.created.Unix()) >= number(q.Get("filter[to]"), 0)
				})
				var next any
				offset, size := number(strings.TrimPrefix(q.Get("page[cursor]"), "a+/="), 0), number(q.Get("page[size]"), 10)
				if offset+size < len(all) {
					q.Set("page[cursor]", fmt.Sprintf("a+/=%d", offset+size))
					next = "http://" + r.Host + "/jsonapi?" + q.Encode()
				}
				data := []any{}
				for _, x := range cut(all, offset, size) {
					data = append(data, map[string]any{"type": "task", "attributes": plain(x)})
				}
				write(w, http.StatusOK, map[string]any{"data": data, "links": map[string]any{"next": next}, "meta": map[string]any{"total": len(all)}})
			},
			steps: inOrder,
			tasks: 130,
		},
		"a long window in pieces": {
			mapping: `
version: 1
auth: {kind: none}
list:
  path: /pieces
  items: .rows
  window: {start: b, end: e, format: unix, inclusive: false, longest: 1d}
  paging: {style: offset, param: skip, size: take, largest: 30, total: .n}` + fields,
			serve: func(w http.ResponseWriter, r *http.Request, all []item) {
				q := r.URL.Query()
				all = slices.DeleteFunc(slices.Clone(all), func(x item) bool {
					return int(x.created.Unix()) < number(q.Get("b"), 0) || int(x.created.Unix()) >= number(q.Get("e"), 0)
				})
				write(w, http.StatusOK, map[string]any{"n": len(all), "rows": plains(cut(all, number(q.Get("skip"), 0), number(q.Get("take"), 10)))})
			},
			steps: "✓设置 –令牌 ✓连接 ✓第一页 ✓第二页 ✓每页条数 ✓时间窗口 ✓窗口起点 ✓窗口终点 ✓最长跨度 ✓无效的条目 ✓映射 ✓其余字段",
			tasks: 130,
		},
	}
}

// Installations of many kinds are in order, and their recordings are as they
// are.
func TestOtherStyles(t *testing.T) {
	t.Parallel()
	for name, tc := range styles() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := items(130)
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { tc.serve(w, r, all) }))
			t.Cleanup(srv.Close)
			m, err := mapping.Parse("style", []byte(tc.mapping))
			require.NoError(t, err)
			cfg := guanke.Config{BaseURL: srv.URL, Mapping: m, Secret: secret, Username: "ops", Password: password}
			w := tc.window
			if w.From.IsZero() {
				w = window
			}
			r, text := run(t, cfg, w)
			require.Equal(t, tc.steps, statuses(r), text)
			require.True(t, r.OK)
			want := read(t, cfg, w)
			require.Len(t, want, tc.tasks)

			dir := filepath.Join(t.TempDir(), "r")
			out, err := check.Record(t.Context(), check.RecordConfig{
				Config: check.Config{Source: cfg, Window: w}, Dir: dir, Pages: 50, MappingText: tc.mapping,
			})
			require.NoError(t, err)
			require.NoError(t, out.Ended)
			replay, err := recording.Open(dir)
			require.NoError(t, err)
			for _, asked := range replay.Requests() {
				for _, hidden := range []string{secret, password, token} {
					require.NotContains(t, asked, hidden)
				}
			}
			again := cfg
			again.Secret, again.Username, again.Password = "any", "any", "any"
			again.BaseURL = httptestServe(t, replay)
			require.Equal(t, want, read(t, again, w))
			r, text = run(t, again, w)
			require.Equal(t, tc.steps, statuses(r), text)
			require.False(t, strings.Contains(text, srv.URL), "nothing leads to the original")
		})
	}
}

func httptestServe(t *testing.T, h http.Handler) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.URL
}
