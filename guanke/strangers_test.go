package guanke_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tasksync/guanke"
	"tasksync/guanke/mapping"
	"tasksync/task"
)

// stranger is a mapping of a source that needs no credentials. The arguments
// are lines below list and below paging.
func stranger(list, paging string) string {
	return `version: 1
auth: {kind: none}
list:
  path: /v1/tasks
  items: .
` + list + `
  paging:
` + paging + `
fields:
  id: .id
  name: .name
  created_at: {path: .at, format: rfc3339}
`
}

// entry is one task of it.
func entry(i int, created time.Time) object {
	return object{"id": i, "name": fmt.Sprint("任务 ", i), "at": created.Format(time.RFC3339Nano)}
}

func TestTotalInAHeader(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]any{
		"25": 25, "items 0-9/25": 25, "0-9/*": nil, "": nil, "many": "total_header", "-1": "total_header",
	} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			address := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				offset, err := strconv.Atoi(r.URL.Query().Get("offset"))
				require.NoError(t, err)
				out := []object{}
				for i := offset; i < min(offset+10, 25); i++ {
					out = append(out, entry(i, today.From.Add(time.Duration(i)*time.Minute)))
				}
				w.Header().Set("X-Total-Count", value)
				w.WriteHeader(http.StatusCreated)
				writeJSON(w, out)
			}))
			c := mapped(t, address, stranger("  window: {start: from, end: to, format: rfc3339}",
				"    {style: offset, param: offset, size: limit, largest: 10, total_header: x-total-count}"), nil)
			pages, err := read(t.Context(), c, today)
			if says, refused := want.(string); refused {
				require.Equal(t, task.CodeSourceContract, task.CodeOf(err))
				require.Contains(t, task.MessageOf(err), says)
				return
			}
			require.NoError(t, err)
			require.Len(t, ids(pages), 25)
			for _, p := range pages {
				if want == nil {
					require.Nil(t, p.Total)
				} else {
					require.Equal(t, want, *p.Total)
				}
			}
		})
	}
}

func TestLinkInTheAnswer(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		link func(r *http.Request, offset int) any
		says string
	}{
		"absolute": {link: func(r *http.Request, offset int) any { return fmt.Sprintf("http://%s/v1/tasks?o=%d", r.Host, offset) }},
		"relative": {link: func(_ *http.Request, offset int) any { return fmt.Sprintf("?o=%d", offset) }},
		"metadata": {func(*http.Request, int) any { return "http://169.254.169.254/latest/meta-data/" }, "http://169.254.169.254"},
		"file":     {func(*http.Request, int) any { return "file:///etc/passwd" }, "别的地址"},
		"object":   {func(*http.Request, int) any { return object{"href": "/v1"} }, "文本或数"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				offset, _ := strconv.Atoi(r.URL.Query().Get("o"))
				out := object{"next": nil, "rows": []object{entry(offset, today.From), entry(offset+1, today.From)}}
				if offset < 6 {
					out["next"] = tc.link(r, offset+2)
				}
				writeJSON(w, out)
			}))
			c := mapped(t, address, strings.Replace(stranger("", "    {style: link, next: .next}"), "items: .", "items: .rows", 1), nil)
			pages, err := read(t.Context(), c, today)
			if tc.says != "" {
				require.Equal(t, task.CodeSourceContract, task.CodeOf(err))
				require.Contains(t, task.MessageOf(err), tc.says)
				return
			}
			require.NoError(t, err)
			require.Equal(t, strings.Fields("0 1 2 3 4 5 6 7"), ids(pages))
		})
	}
}

func TestLinkHeaderOfSeveral(t *testing.T) {
	t.Parallel()
	address := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("p") == "" {
			w.Header().Set("Link", `<?p=9>; rel="prev last",  <?p=2>; title="a, b"; rel="next"`)
		}
		page, _ := strconv.Atoi(r.URL.Query().Get("p"))
		writeJSON(w, []object{entry(page, today.From)})
	}))
	pages, err := read(t.Context(), mapped(t, address, stranger("", "    {style: link}"), nil), today)
	require.NoError(t, err)
	require.Equal(t, []string{"0", "2"}, ids(pages))
}

// Two windows that follow each other have each task once, whatever the source
// makes of parameters that are coarser than its times.
func TestParametersCoarserThanTheTimes(t *testing.T) {
	t.Parallel()
	var times []time.Time
	for i := range 400 {
		times = append(times, today.From.Add(time.Duration(i)*7777*time.Millisecond))
	}
	for name, tc := range map[string]struct {
		window string
		// has says whether a task made at x is in what was asked for.
		has func(x, start, end time.Time) bool
	}{
		"seconds, both ends in": {
			`{start: s, end: e, format: unix, inclusive: true}`,
			func(x, s, e time.Time) bool { return !x.Before(s) && !x.After(e) },
		},
		"minutes, moments": {
			`{start: s, end: e, format: unix, granularity: 1m, inclusive: true, longest: 10m}`,
			func(x, s, e time.Time) bool { return !x.Before(s) && !x.After(e) },
		},
		"minutes, whole": {
			`{start: s, end: e, format: unix, granularity: 1m, inclusive: true, longest: 10m}`,
			func(x, s, e time.Time) bool { return !x.Before(s) && x.Before(e.Add(time.Minute)) },
		},
		"start open": {
			`{start: s, end: e, format: unix, start_inclusive: false, inclusive: true, longest: 5m}`,
			func(x, s, e time.Time) bool { return e.Sub(s) <= 5*time.Minute && x.After(s) && !x.After(e) },
		},
		"both ends open": {
			`{start: s, end: e, format: unix_ms, start_inclusive: false}`,
			func(x, s, e time.Time) bool { return x.After(s) && x.Before(e) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				at := func(name string) time.Time {
					n, err := strconv.ParseInt(r.URL.Query().Get(name), 10, 64)
					require.NoError(t, err)
					if strings.Contains(tc.window, "unix_ms") {
						return time.UnixMilli(n)
					}
					return time.Unix(n, 0)
				}
				out := []object{}
				for i, x := range times {
					if tc.has(x, at("s"), at("e")) {
						out = append(out, entry(i, x))
					}
				}
				writeJSON(w, out)
			}))
			c := mapped(t, address, stranger("  window: "+tc.window, "    {style: none}"), nil)
			seen := map[string]int{}
			for i, from := range []int{0, 100, 301} {
				to := []time.Time{times[100], times[301], times[399].Add(time.Millisecond)}[i]
				pages, err := read(t.Context(), c, task.Window{From: times[from], To: to})
				require.NoError(t, err)
				// Spans that meet may both have a task.
				here := map[string]bool{}
				for _, id := range ids(pages) {
					here[id] = true
				}
				for id := range here {
					seen[id]++
				}
			}
			require.Len(t, seen, len(times))
			for id, n := range seen {
				require.Equal(t, 1, n, id)
			}
		})
	}
}

func TestFormParametersKeepTheirDots(t *testing.T) {
	t.Parallel()
	address := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		require.NoError(t, r.ParseForm())
		require.Len(t, r.PostForm, 4)
		require.Equal(t, strconv.FormatInt(today.From.Unix(), 10), r.PostForm.Get("query.begin"))
		require.Equal(t, "1", r.PostForm.Get("page.no"))
		writeJSON(w, []object{entry(1, today.From)})
	}))
	pages, err := read(t.Context(), mapped(t, address, stranger(`  method: POST
  encoding: form
  body: {kind: call}
  window: {in: body, start: query.begin, end: query.end, format: unix}`,
		"    {style: page, in: body, param: page.no, largest: 10}"), nil), today)
	require.NoError(t, err)
	require.Equal(t, []string{"1"}, ids(pages))
}

func TestExpressionsThatDoNotFit(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ from, to, says string }{
		"entries one by one":  {"items: .", "items: .[]", "方括号"},
		"lists one by one":    {"items: .", "items: '[.], [.]'", "不止一个值"},
		"items without end":   {"items: .", "items: 'last(repeat(.))'", "没有算完"},
		"success as a number": {"fields:", "envelope: {success: length}\nfields:", "length == 1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				writeJSON(w, []object{entry(1, today.From), entry(2, today.From)})
			}))
			text := strings.Replace(stranger("", "    {style: none}"), tc.from, tc.to, 1)
			_, err := read(t.Context(), mapped(t, address, text, nil), today)
			require.Equal(t, task.CodeSourceContract, task.CodeOf(err), err)
			require.Contains(t, task.MessageOf(err), tc.says)
		})
	}
}

func TestFieldWithSeveralValuesIsRefused(t *testing.T) {
	t.Parallel()
	address := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		good, bad := entry(1, today.From), entry(2, today.From)
		good["names"], bad["names"] = []string{"甲"}, []string{"甲", "乙"}
		writeJSON(w, []object{good, bad})
	}))
	text := strings.Replace(stranger("", "    {style: none}"), "name: .name", "name: .names[]", 1)
	pages, err := read(t.Context(), mapped(t, address, text, nil), today)
	require.NoError(t, err)
	require.Equal(t, []string{"1"}, ids(pages))
	require.Len(t, pages[0].Rejects, 1)
	require.Contains(t, pages[0].Rejects[0].Reason, "first(…)")
}

func TestRedirectAwaySaysWhereTo(t *testing.T) {
	t.Parallel()
	address := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://user:pw@elsewhere.example:8443/x?token=abc", http.StatusMovedPermanently)
	}))
	_, err := read(t.Context(), mapped(t, address, stranger("", "    {style: none}"), nil), today)
	require.Equal(t, task.CodeSourceContract, task.CodeOf(err))
	require.Contains(t, task.MessageOf(err), "（https://elsewhere.example:8443）")
	require.NotContains(t, fmt.Sprintf("%+v", err), "pw")
}

// A source that repeats what it was sent, in whatever form, gives nothing away.
func TestEchoedCredentialsAreHidden(t *testing.T) {
	t.Parallel()
	const username, password, token = "ops", "pa/ss+word", "tok/en+9=="
	forms := func(s string) []string {
		return []string{
			s, strings.ReplaceAll(s, "/", `\/`), url.QueryEscape(s), strings.NewReplacer("/", "%2f", "+", "%2b", "=", "%3d").Replace(s),
			base64.StdEncoding.EncodeToString([]byte(s)), base64.RawURLEncoding.EncodeToString([]byte(s)),
		}
	}
	both := base64.StdEncoding.EncodeToString([]byte(username + ":" + password))
	for name, auth := range map[string]string{
		"basic": `{kind: basic}`,
		"token": `{kind: token, requests: [{path: /token, method: POST, body: {u: "${username}", p: "${password}"}}], token: .token}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			planted := append(forms(password), strings.TrimRight(both, "="))
			if name == "token" {
				planted = append(planted, forms(token)...)
			}
			for _, form := range planted {
				address := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/token" {
						writeJSON(w, object{"token": token})
						return
					}
					w.WriteHeader(http.StatusBadRequest)
					writeJSON(w, object{"message": "got <" + form + "> from you"})
				}))
				text := strings.Replace(stranger("", "    {style: none}"), "auth: {kind: none}", "envelope: {message: .message}\nauth: "+auth, 1)
				_, err := read(t.Context(), mapped(t, address, text, func(cfg *guanke.Config) {
					cfg.Secret, cfg.Username, cfg.Password = "", username, password
				}), today)
				require.Contains(t, task.MessageOf(err), "got <***")
				require.NotContains(t, fmt.Sprintf("%+v", err), form)
			}
		})
	}
}

func TestCredentialWithALineFeed(t *testing.T) {
	t.Parallel()
	m, err := mapping.Parse("m.yaml", []byte(strings.Replace(stranger("", "    {style: none}"), "auth: {kind: none}", `auth: {kind: static, value: "${secret}"}`, 1)))
	require.NoError(t, err)
	_, err = guanke.New(guanke.Config{BaseURL: "http://a", Mapping: m, Secret: "abc\r\nX-Evil: 1"})
	require.Equal(t, task.CodeInvalidArgument, task.CodeOf(err))
	require.Contains(t, task.MessageOf(err), "GUANKE_API_SECRET")
	require.NotContains(t, err.Error(), "abc")
}

func TestAnswerInGBK(t *testing.T) {
	t.Parallel()
	for _, charset := range []string{"GBK", "gb2312", `"gb18030"`} {
		address := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json; charset="+charset)
			// 任务 in GBK.
			fmt.Fprintf(w, "[{\"id\":1,\"name\":\"\xc8\xce\xce\xf1\",\"at\":%q}]", today.From.Format(time.RFC3339))
		}))
		pages, err := read(t.Context(), mapped(t, address, stranger("", "    {style: none}"), nil), today)
		require.NoError(t, err)
		require.Equal(t, "任务", tasksOf(pages)[0].Name)
	}
}
