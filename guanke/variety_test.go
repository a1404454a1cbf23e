package guanke_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tasksync/guanke"
	"tasksync/task"
)

// simple is a mapping of a source whose entries have an id, a name and the
// seconds t; the rest is given as YAML.
func simple(auth, list string) string {
	return "version: 1\nauth: " + auth + "\nlist:\n  path: /list\n  items: .rows\n" + indent(list) +
		"fields: {id: .id, name: .name, created_at: {path: .t, format: unix}}\n"
}

func indent(text string) string {
	out := ""
	for line := range strings.Lines(text) {
		out += "  " + line
	}
	return strings.TrimSuffix(out, "\n") + "\n"
}

// row is the i-th entry, made i minutes after the start of today.
func row(i int) object {
	return object{"id": i, "name": "n", "t": today.From.Add(time.Duration(i) * time.Minute).Unix()}
}

func rows(from, to int) []object {
	out := []object{}
	for i := from; i < to; i++ {
		out = append(out, row(i))
	}
	return out
}

func ids(pages []task.Page) []string {
	var out []string
	for _, x := range tasksOf(pages) {
		out = append(out, x.ID)
	}
	return out
}

func upTo(from, to int) []string {
	var out []string
	for i := from; i < to; i++ {
		out = append(out, strconv.Itoa(i))
	}
	return out
}

func TestSourceWithoutWindowsIsFilteredHere(t *testing.T) {
	t.Parallel()
	address := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "" {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		writeJSON(w, object{"rows": rows(0, 3000), "total": 3000})
	}))
	c := mapped(t, address, simple("{kind: none}", "paging: {style: none, total: .total}"), nil)
	pages, err := read(t.Context(), c, task.Window{From: today.From.Add(5 * time.Minute), To: today.From.Add(2000 * time.Minute)})
	require.NoError(t, err)
	require.Len(t, pages, 1)
	require.Equal(t, upTo(5, 2000), ids(pages))
	// The source's total is not the window's.
	require.Nil(t, pages[0].Total)

	probe, err := c.ProbePage(t.Context(), task.Window{From: today.From, To: today.From.Add(time.Hour)}, "")
	require.NoError(t, err)
	require.Equal(t, []int{3000, 2940, 3000, 1}, []int{probe.Entries, probe.Outside, *probe.Total, probe.Spans})
	require.Empty(t, probe.Page.Next)
}

func TestTooManyEntriesAtOnce(t *testing.T) {
	t.Parallel()
	address := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, object{"rows": rows(0, 10_001)})
	}))
	_, err := read(t.Context(), mapped(t, address, simple("{kind: none}", "paging: {style: none}"), nil), today)
	require.Equal(t, task.CodeSourceContract, task.CodeOf(err))
	require.Contains(t, task.MessageOf(err), "10000")
}

func TestPagesFromZeroWithoutASize(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		more string
		meta func(page int) object
		all  int
	}{
		"no total":      {"", func(int) object { return object{} }, 25},
		"full last":     {"", func(int) object { return object{} }, 30},
		"has more":      {"has_more: .more\n", func(page int) object { return object{"more": page < 2} }, 30},
		"has more null": {"has_more: .more\n", func(int) object { return object{"more": nil} }, 30},
		"has more 0/1":  {"has_more: .more\n", func(page int) object { return object{"more": map[bool]int{true: 1}[page < 2]} }, 25},
		"total":         {"total: .n\n", func(int) object { return object{"n": "25"} }, 25},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				page, err := strconv.Atoi(r.URL.Query().Get("p"))
				if err != nil || len(r.URL.Query()) != 3 || r.URL.Query().Get("a") != today.From.Format("02.01.2006") {
					w.WriteHeader(http.StatusTeapot)
					return
				}
				out := tc.meta(page)
				out["rows"] = rows(min(10*page, tc.all), min(10*page+10, tc.all))
				writeJSON(w, out)
			}))
			c := mapped(t, address, simple("{kind: none}", "window: {start: a, end: b, format: 02.01.2006, inclusive: true, granularity: 1d}\n"+
				"paging:\n  style: page\n  param: p\n  first: 0\n  largest: 10\n"+indent(tc.more)), nil)
			pages, err := read(t.Context(), c, today)
			require.NoError(t, err)
			require.Equal(t, upTo(0, tc.all), ids(pages))
			for _, p := range pages {
				require.Nil(t, p.Total) // The day is longer than the window.
			}
		})
	}
}

func TestWindowsOfDays(t *testing.T) {
	t.Parallel()
	var asked []url.Values
	address := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Query())
		writeJSON(w, object{"rows": []object{}, "n": 0})
	}))
	for inclusive, last := range map[bool]string{true: "2026-11-22", false: "2026-11-23"} {
		asked = nil
		c := mapped(t, address, simple("{kind: none}", fmt.Sprintf("window: {start: a, end: b, format: \"2006-01-02\", inclusive: %v, granularity: 1d, longest: 2d}\n", inclusive)+
			"paging: {style: none, total: .n}"), nil)
		pages, err := read(t.Context(), c, task.Window{From: at("2026-11-20 00:00:00"), To: at("2026-11-23 00:00:00")})
		require.NoError(t, err)
		require.Len(t, pages, 2)
		require.Equal(t, 0, *pages[0].Total) // Whole days were asked for.
		require.Equal(t, "2026-11-20", asked[0].Get("a"))
		require.Equal(t, "2026-11-22", asked[1].Get("a"))
		require.Equal(t, last, asked[1].Get("b"))
	}
}

func TestWhereCredentialsGo(t *testing.T) {
	t.Parallel()
	ok := object{"rows": rows(0, 1)}
	for name, tc := range map[string]struct {
		auth, list string
		check      func(r *http.Request) bool
	}{
		"static header": {
			`{kind: static, value: "${secret}", send: {name: X-Api-Key}}`, "",
			func(r *http.Request) bool { return r.Header.Get("X-Api-Key") == secret },
		},
		"static header of two": {
			`{kind: static, value: "${username}/${password}", send: {prefix: "Key "}}`, "",
			func(r *http.Request) bool { return r.Header.Get("Authorization") == "Key ops/"+password },
		},
		"static query": {
			`{kind: static, value: "${secret}", send: {in: query, name: key}}`, "",
			func(r *http.Request) bool { return r.URL.Query().Get("key") == secret },
		},
		"static in a form": {
			`{kind: static, value: "${secret}", send: {in: body, name: key}}`, "method: POST\nencoding: form\nbody: {n: 1, s: x, b: true}\n",
			func(r *http.Request) bool {
				return r.PostFormValue("key") == secret && r.PostForm.Encode() == url.Values{"key": {secret}, "n": {"1"}, "s": {"x"}, "b": {"true"}}.Encode()
			},
		},
		"token in the query": {
			`{kind: token, token: .token, requests: {method: PUT, path: /login, body: {u: "${username}", p: {w: ["${password}"]}}}, send: {in: query, name: t}}`, "",
			func(r *http.Request) bool { return r.URL.Query().Get("t") == "t0ken" },
		},
		"token in the body": {
			`{kind: token, token: '"t0" + .part', requests: [{path: /login, headers: {X-S: "${secret}"}}], send: {in: body, name: auth.t, prefix: "T "}}`, "method: POST\n",
			func(r *http.Request) bool {
				var in struct{ Auth struct{ T string } }
				return json.NewDecoder(r.Body).Decode(&in) == nil && in.Auth.T == "T t0ken"
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/login" {
					var in struct {
						U string
						P struct{ W []string }
					}
					_ = json.NewDecoder(r.Body).Decode(&in)
					if (in.U == "ops" && len(in.P.W) == 1 && in.P.W[0] == password) || r.Header.Get("X-S") == secret {
						writeJSON(w, object{"token": "t0ken", "part": "ken"})
						return
					}
				} else if tc.check(r) {
					writeJSON(w, ok)
					return
				}
				w.WriteHeader(http.StatusForbidden)
				fmt.Fprint(w, r.URL, r.Header, r.PostForm)
			}))
			both := func(cfg *guanke.Config) { cfg.Username, cfg.Password = "ops", password }
			c := mapped(t, address, simple(tc.auth, tc.list+"paging: {style: none}"), both)
			pages, err := read(t.Context(), c, today)
			require.NoError(t, err)
			require.Equal(t, []string{"0"}, ids(pages))

			token, err := c.ProbeToken(t.Context())
			require.NoError(t, err)
			require.NotEmpty(t, token.Settings)
			probe, err := c.ProbePage(t.Context(), today, "")
			require.NoError(t, err)
			for _, e := range []*guanke.Exchange{token.Exchange, probe.Exchange} {
				shown := fmt.Sprintf("%+v", e)
				for _, hidden := range []string{secret, url.QueryEscape(secret), password, url.QueryEscape(password), "t0ken"} {
					require.NotContains(t, shown, hidden)
				}
			}
			require.Contains(t, fmt.Sprintf("%+v", probe.Exchange), "***")

			c = mapped(t, address, simple(tc.auth, tc.list+"paging: {style: none}"), func(cfg *guanke.Config) {
				cfg.Secret, cfg.Username, cfg.Password = "wrong", "wrong", "wrong"
			})
			_, err = read(t.Context(), c, today)
			require.Equal(t, task.CodeSourceAuth, task.CodeOf(err))
			require.Contains(t, task.MessageOf(err), "GUANKE_")
			requireClean(t, err)
		})
	}
}

// A link that repeats the token is kept without it and followed with it.
func TestLinkThatRepeatsTheToken(t *testing.T) {
	t.Parallel()
	address := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if q.Get("key") != secret {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		n, _ := strconv.Atoi(q.Get("n"))
		if n < 4 {
			q.Set("n", strconv.Itoa(n+1))
			w.Header().Set("Link", "<?"+q.Encode()+">; rel=next")
		}
		writeJSON(w, object{"rows": rows(n, n+1)})
	}))
	text := simple(`{kind: static, value: "${secret}", send: {in: query, name: key}}`, "paging: {style: link}")
	pages, err := read(t.Context(), mapped(t, address, text, nil), today)
	require.NoError(t, err)
	require.Equal(t, upTo(0, 5), ids(pages))
	var rest []task.Page
	for page, err := range mapped(t, address, text, nil).Pages(t.Context(), today, pages[1].Next) {
		require.NoError(t, err)
		rest = append(rest, page)
	}
	require.Equal(t, upTo(2, 5), ids(rest))
}

func TestListInAnotherPlace(t *testing.T) {
	t.Parallel()
	for items, body := range map[string]string{
		".":                               `[%s]`,
		".rows":                           `{"rows":[%s]}`,
		".a // .b":                        `{"a":null,"b":[%s]}`,
		".a.b | .c":                       `{"a":{"b":{"c":[%s]}}}`,
		"[.rows[] | .task]":               `{"rows":[{"task":%s}]}`,
		".rows | map(.task)":              `{"rows":[{"task":%s}]}`,
		"[.byid[]]":                       `{"byid":{"x":%s}}`,
		".payload | fromjson":             `{"payload":%q}`,
		"if .n then . else . end | .rows": `{"rows":[%s]}`,
	} {
		t.Run(items, func(t *testing.T) {
			t.Parallel()
			entry := `{"id":9007199254740993,"name":"n","t":` + strconv.FormatInt(created.Unix(), 10) + `,"price":1.50}`
			if strings.Contains(items, "fromjson") {
				entry = "[" + entry + "]"
			}
			address := serve(t, text(fmt.Sprintf(body, entry)))
			m := strings.Replace(simple("{kind: none}", "paging: {style: none}"), "items: .rows", "items: '"+items+"'", 1)
			pages, err := read(t.Context(), mapped(t, address, m, nil), today)
			require.NoError(t, err)
			require.Equal(t, []string{"9007199254740993"}, ids(pages))
			require.Equal(t, `{"price":1.50}`, string(pages[0].Tasks[0].Attributes))
		})
	}
}

func TestOtherStatuses(t *testing.T) {
	t.Parallel()
	m := strings.Replace(simple("{kind: none}", "paging: {style: none}"), "fields:",
		"http: {success: [200-299], passing: [418], credentials: [402]}\nfields:", 1)
	for status, code := range map[int]task.Code{
		201: "", 418: task.CodeSourceUnavailable, 402: task.CodeSourceAuth, 401: task.CodeSourceAuth, 500: task.CodeSourceContract,
	} {
		address := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			fmt.Fprint(w, `{"rows":[]}`)
		}))
		_, err := read(t.Context(), mapped(t, address, m, nil), today)
		require.Equal(t, code, task.CodeOf(err), status)
	}
}

func TestProbeShowsWhatWentWrong(t *testing.T) {
	t.Parallel()
	address := serve(t, source(func(w http.ResponseWriter, r *http.Request) { echo(w, r) }))
	c := newClient(t, address, nil)
	token, err := c.ProbeToken(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"GUANKE_API_SECRET"}, token.Settings)
	require.Equal(t, address+"/token/secret?secret=***", token.Exchange.URL)
	require.Contains(t, string(token.Exchange.Body), `"token":"***"`)

	probe, err := c.ProbePage(t.Context(), today, "")
	require.Equal(t, task.CodeSourceContract, task.CodeOf(err))
	require.Contains(t, probe.Exchange.URL, "startTime=2026-11-23+00%3A00%3A00")
	require.Equal(t, "***", probe.Exchange.RequestHeader.Get("Authorization"))
	require.Contains(t, string(probe.Exchange.Body), "1002")
	require.NotContains(t, string(probe.Exchange.Body), "t0ken")

	probe, err = newClient(t, serve(t, source(list(fields(`"x":1,"a":{}`)+`,{}`, 7))), nil).ProbePage(t.Context(), today, "")
	require.NoError(t, err)
	require.Equal(t, []string{"a", "x"}, probe.Leftover)
	require.Equal(t, []int{2, 0, 7, 1000, 1}, []int{probe.Entries, probe.Outside, *probe.Total, probe.Asked, len(probe.Page.Rejects)})
	require.Equal(t, task.Window{From: today.From, To: today.To}, probe.Span)
	_, err = newClient(t, address, nil).ProbePage(t.Context(), task.Window{}, "")
	require.Equal(t, task.CodeInvalidArgument, task.CodeOf(err))
}
