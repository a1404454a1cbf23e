package check_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tasksync/guanke"
	"tasksync/guanke/check"
	"tasksync/guanke/mapping"
	"tasksync/guanke/sim"
	"tasksync/task"
)

// run checks a source and answers the report and what people read. Nothing
// secret is in either.
func run(t *testing.T, cfg guanke.Config, w task.Window) (check.Report, string) {
	t.Helper()
	var out bytes.Buffer
	r := check.Run(t.Context(), check.Config{Source: cfg, Window: w, Done: func(s check.Step) { s.Print(&out) }})
	check.PrintSample(&out, r.Sample, shanghai)
	asJSON, err := json.Marshal(r)
	require.NoError(t, err)
	for _, hidden := range []string{secret, password, token} {
		require.NotContains(t, out.String()+string(asJSON), hidden)
	}
	return r, out.String()
}

// step is the step of that name.
func step(t *testing.T, r check.Report, name string) check.Step {
	t.Helper()
	for _, s := range r.Steps {
		if s.Name == name {
			return s
		}
	}
	require.Fail(t, "no such step", name)
	return check.Step{}
}

// statuses are all steps with their signs, in one line.
func statuses(r check.Report) string {
	var out []string
	for _, s := range r.Steps {
		out = append(out, s.Status.Sign()+s.Name)
	}
	return strings.Join(out, " ")
}

func TestTheExamplesAreInOrder(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct {
		steps  string
		sample task.Task
	}{
		"rest": {
			"✓设置 –令牌 ✓连接 ✓第一页 ✓第二页 ✓每页条数 ✓时间窗口 ✓窗口起点 ✓窗口终点 ✓最长跨度 ✓无效的条目 ✓映射 ✓其余字段",
			task.Task{ID: "1", Name: "某市-1014-高中-10000-N-A-L3-1", State: "running", Total: 100, Called: 50, Connected: 20, Succeeded: 3},
		},
		"cursor": {
			"✓设置 ✓连接 ✓令牌 ✓第一页 ✓第二页 ✓时间窗口 ✓窗口起点 ✓窗口终点 ✓最长跨度 ✓无效的条目 ✓映射 ✓其余字段",
			task.Task{ID: "c-1", Name: "活动 1", State: "暂停", Total: 9, Called: 6, Connected: 4, PackageRef: "PKG-1"},
		},
		"post": {
			"✓设置 –令牌 ✓连接 ✓第一页 ✓第二页 ✓时间窗口 ✓窗口起点 ✓窗口终点 ✓最长跨度 ✓无效的条目 ✓映射 ✓其余字段",
			task.Task{ID: "T-1", Name: "任务 1", State: "3", Total: 8, Called: 5},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := example(t, name, nil)
			r, text := run(t, cfg, window)
			require.Equal(t, want.steps, statuses(r), text)
			require.True(t, r.OK)
			got := *r.Sample
			require.True(t, window.From.Equal(got.CreatedAt))
			got.Attributes, got.CreatedAt = nil, time.Time{}
			require.Equal(t, want.sample, got)

			// What a run would read.
			c, err := guanke.New(cfg)
			require.NoError(t, err)
			defer c.Close()
			ids := map[string]bool{}
			for p, err := range c.Pages(t.Context(), window, "") {
				require.NoError(t, err)
				require.Empty(t, p.Rejects)
				for _, x := range p.Tasks {
					ids[x.ID] = true
				}
			}
			require.Len(t, ids, 130)
		})
	}
}

func TestTheSimulatorIsInOrder(t *testing.T) {
	t.Parallel()
	s, err := sim.New(sim.Config{Secret: secret})
	require.NoError(t, err)
	s.Freeze(window.To.Add(12 * time.Hour))
	srv := httptest.NewServer(s)
	defer srv.Close()
	r, text := run(t, guanke.Config{BaseURL: srv.URL, Secret: secret}, window)
	require.True(t, r.OK, text)
	require.NotContains(t, statuses(r), "✗")
	require.Equal(t, check.OK, step(t, r, "第二页").Status, text)
	require.NotContains(t, statuses(r), "!", text)

	r, text = run(t, guanke.Config{BaseURL: srv.URL, Secret: "wrong-" + secret}, window)
	require.False(t, r.OK)
	require.Equal(t, "✓设置 ✓连接 ✗令牌", statuses(r), text)
	require.Contains(t, text, "GUANKE_API_SECRET")
}

// changed is an example with its mapping's text changed.
func changed(t *testing.T, name string, source func(*source), pairs ...string) guanke.Config {
	t.Helper()
	cfg := example(t, name, source)
	text := readExample(t, name)
	for i := 0; i+1 < len(pairs); i += 2 {
		require.Contains(t, text, pairs[i])
		text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
	}
	m, err := mapping.Parse(name, []byte(text))
	require.NoError(t, err)
	cfg.Mapping = m
	return cfg
}

func TestWhatIsWrongIsSaidWithTheWayOut(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		cfg    func(t *testing.T) guanke.Config
		window task.Window
		step   string
		status check.Status
		says   []string
	}{
		"nobody listens": {
			cfg: func(t *testing.T) guanke.Config {
				c := example(t, "rest", nil)
				c.BaseURL = "http://127.0.0.1:1"
				return c
			},
			step: "连接", status: check.Fail, says: []string{"GUANKE_BASE_URL", "curl"},
		},
		"no credentials": {
			cfg:  func(t *testing.T) guanke.Config { c := example(t, "cursor", nil); c.Password = ""; return c },
			step: "设置", status: check.Fail, says: []string{"GUANKE_PASSWORD"},
		},
		"wrong password": {
			cfg:  func(t *testing.T) guanke.Config { c := example(t, "cursor", nil); c.Password = "no"; return c },
			step: "令牌", status: check.Fail, says: []string{"GUANKE_PASSWORD", "auth.requests"},
		},
		"wrong key": {
			cfg:  func(t *testing.T) guanke.Config { c := example(t, "post", nil); c.Secret = "no"; return c },
			step: "第一页", status: check.Fail, says: []string{"GUANKE_API_SECRET", "auth.send"},
		},
		"token path": {
			cfg: func(t *testing.T) guanke.Config {
				return changed(t, "cursor", nil, "path: /oauth/token", "path: /oauth/tokens")
			},
			step: "令牌", status: check.Fail, says: []string{"404", "auth.requests"},
		},
		"token place": {
			cfg: func(t *testing.T) guanke.Config {
				return changed(t, "cursor", nil, "token: .access_token", "token: .data.token")
			},
			step: "令牌", status: check.Fail, says: []string{".access_token", "auth.token", "access_token: 文本"},
		},
		"no Bearer": {
			cfg:  func(t *testing.T) guanke.Config { return changed(t, "cursor", nil, `, prefix: "Bearer "`, "") },
			step: "第一页", status: check.Fail, says: []string{"Bearer"},
		},
		"list path": {
			cfg:  func(t *testing.T) guanke.Config { return changed(t, "rest", nil, "path: /api/tasks", "path: /tasks") },
			step: "第一页", status: check.Fail, says: []string{"404", "list.path"},
		},
		"list place": {
			cfg:  func(t *testing.T) guanke.Config { return changed(t, "rest", nil, "items: .items", "items: .data") },
			step: "第一页", status: check.Fail, says: []string{".items", "list.items", "[100 个 {"},
		},
		"envelope that is not there": {
			cfg: func(t *testing.T) guanke.Config {
				return changed(t, "rest", nil, "fields:", "envelope: {code: .code, codes: {success: [0]}}\nfields:")
			},
			step: "第一页", status: check.Fail, says: []string{"code", "envelope"},
		},
		"window parameters refused": {
			cfg:  func(t *testing.T) guanke.Config { return changed(t, "rest", nil, "start: from", "start: since") },
			step: "第一页", status: check.Fail, says: []string{"400", "list.window"},
		},
		"window ignored": {
			cfg: func(t *testing.T) guanke.Config {
				return example(t, "rest", func(s *source) { s.ignoreWindow = true })
			},
			window: task.Window{From: window.From, To: window.From.Add(5 * time.Hour)},
			step:   "时间窗口", status: check.Fail, says: []string{"没有按创建时间筛选", "start"},
		},
		"window ignored, and all in it": {
			cfg: func(t *testing.T) guanke.Config {
				return example(t, "rest", func(s *source) { s.ignoreWindow = true; s.items = items(50) })
			},
			step: "窗口起点", status: check.Fail, says: []string{"时间参数没有起作用"},
		},
		"zone": {
			cfg: func(t *testing.T) guanke.Config {
				return example(t, "post", func(s *source) {
					s.shift = -8 * time.Hour
					for i := range s.items {
						s.items[i].created = s.items[i].created.Add(-10 * time.Hour)
					}
				})
			},
			step: "时间窗口", status: check.Fail, says: []string{"-8 小时", "zone"},
		},
		"zone, and all in the window": {
			cfg: func(t *testing.T) guanke.Config {
				return example(t, "post", func(s *source) { s.shift = -8 * time.Hour; s.items = items(20) })
			},
			step: "窗口起点", status: check.Fail, says: []string{"移动 8 小时", "zone"},
		},
		"end is not counted in": {
			cfg:  func(t *testing.T) guanke.Config { return example(t, "post", func(s *source) { s.inclusive = false }) },
			step: "窗口起点", status: check.Fail, says: []string{"inclusive: false"},
		},
		"end is counted in": {
			cfg:  func(t *testing.T) guanke.Config { return example(t, "rest", func(s *source) { s.inclusive = true }) },
			step: "窗口终点", status: check.Fail, says: []string{"inclusive: true"},
		},
		"start is not counted in": {
			cfg:  func(t *testing.T) guanke.Config { return example(t, "rest", func(s *source) { s.startOpen = true }) },
			step: "窗口起点", status: check.Fail, says: []string{"不含开始时间"},
		},
		"span too long": {
			cfg: func(t *testing.T) guanke.Config {
				return example(t, "rest", func(s *source) { s.longest = 8 * 24 * time.Hour })
			},
			step: "最长跨度", status: check.Warn, says: []string{"longest: 7d"},
		},
		"span shorter than the mapping's": {
			cfg: func(t *testing.T) guanke.Config {
				return example(t, "post", func(s *source) { s.longest = 5 * 24 * time.Hour })
			},
			step: "最长跨度", status: check.Fail, says: []string{"list.window.longest"},
		},
		"page ignored": {
			cfg:  func(t *testing.T) guanke.Config { return example(t, "rest", func(s *source) { s.ignorePage = true }) },
			step: "第二页", status: check.Fail, says: []string{"分页参数没有起作用", "param"},
		},
		"page size ignored": {
			cfg: func(t *testing.T) guanke.Config {
				return changed(t, "rest", func(s *source) { s.items = items(20) }, "size: per_page", "size: limit")
			},
			step: "第二页", status: check.Fail, says: []string{"list.paging.size"},
		},
		"smaller pages than asked for": {
			cfg: func(t *testing.T) guanke.Config {
				return changed(t, "rest", func(s *source) { s.cap = 50 }, "largest: 100 #", "largest: 1000 #")
			},
			step: "每页条数", status: check.Warn, says: []string{"largest: 50"},
		},
		"smaller pages than asked for, no total": {
			cfg: func(t *testing.T) guanke.Config {
				return changed(t, "rest", func(s *source) { s.cap = 50 }, "largest: 100 #", "largest: 1000 #", "    total: .total\n", "")
			},
			step: "每页条数", status: check.Fail, says: []string{"largest: 50"},
		},
		"smaller pages than asked for, no window": {
			cfg: func(t *testing.T) guanke.Config {
				return changed(t, "rest", func(s *source) { s.cap, s.ignoreWindow = 50, true }, "largest: 100 #", "largest: 1000 #",
					"  window:\n    start: from\n    end: to\n    format: rfc3339\n    inclusive: false # 不含 to 那一刻\n", "")
			},
			step: "每页条数", status: check.Warn, says: []string{"largest: 50"},
		},
		"smaller pages than asked for, all of bad tasks": {
			cfg: func(t *testing.T) guanke.Config {
				return changed(t, "rest", func(s *source) { s.cap = 50 }, "largest: 100 #", "largest: 1000 #", "    total: .total\n", "", "name: .name", "name: .title")
			},
			step: "每页条数", status: check.Fail, says: []string{"largest: 50"},
		},
		"total counts pages": {
			cfg: func(t *testing.T) guanke.Config {
				return changed(t, "rest", func(s *source) { s.items = items(20) }, "total: .total\n", "total: 1\n")
			},
			step: "第二页", status: check.Fail, says: []string{"总数 1", "不是页数"},
		},
		"creation time in a layout": {
			cfg: func(t *testing.T) guanke.Config {
				c := changed(t, "post", func(s *source) {
					s.change = func(i int, v map[string]any) { v["gmtCreate"] = items(130)[i].created.Format("02/01/2006 15:04") }
				})
				return c
			},
			step: "无效的条目", status: check.Fail, says: []string{`format: "02/01/2006 15:04"`},
		},
		"fields that the mapping does not have": {
			cfg:  func(t *testing.T) guanke.Config { return changed(t, "rest", nil, "  total: .stats.total\n", "") },
			step: "映射", status: check.OK, says: []string{"总数：映射里没有（fields.total），可能是 .stats.total"},
		},
		"pages that are not asked for": {
			cfg: func(t *testing.T) guanke.Config {
				return changed(t, "rest", nil, "style: page\n", "style: none\n", "    param: page\n    first: 1\n    size: per_page\n    largest: 100 # 再大也只给 100 条\n", "")
			},
			step: "第二页", status: check.Fail, says: []string{"总数 130", "list.paging"},
		},
		"nothing in the window": {
			cfg:    func(t *testing.T) guanke.Config { return example(t, "rest", nil) },
			window: task.Window{From: window.From.AddDate(0, 0, -9), To: window.From.AddDate(0, 0, -8)},
			step:   "第一页", status: check.Warn, says: []string{"--from"},
		},
		"creation time in milliseconds": {
			cfg: func(t *testing.T) guanke.Config {
				return changed(t, "cursor", nil, "created_at: {path: .created_ms, format: unix_ms}", "created_at: {path: .created_ms, format: unix}")
			},
			step: "无效的条目", status: check.Fail, says: []string{"全部无效", `format: "unix_ms"`},
		},
		"creation time as text": {
			cfg: func(t *testing.T) guanke.Config {
				return changed(t, "rest", nil, "{path: .created_at, format: rfc3339}", "{path: .created_at, format: unix}")
			},
			step: "无效的条目", status: check.Fail, says: []string{`format: "rfc3339"`},
		},
		"name at another place": {
			cfg:  func(t *testing.T) guanke.Config { return changed(t, "rest", nil, "name: .name", "name: .taskName") },
			step: "映射", status: check.Fail, says: []string{"任务名称（fields.name）可能是 .name"},
		},
		"state at another place": {
			cfg:  func(t *testing.T) guanke.Config { return changed(t, "rest", nil, "state: .status", "state: .state") },
			step: "映射", status: check.Warn, says: []string{"状态（fields.state）可能是", ".status"},
		},
		"some bad entries": {
			cfg: func(t *testing.T) guanke.Config {
				return example(t, "rest", func(s *source) {
					s.change = func(i int, v map[string]any) {
						if i%10 == 3 {
							v["name"] = ""
						}
					}
				})
			},
			step: "无效的条目", status: check.Warn, says: []string{"10 条：缺少任务名称", "不影响别的任务"},
		},
		"other members": {
			cfg:  func(t *testing.T) guanke.Config { return example(t, "rest", nil) },
			step: "其余字段", status: check.OK, says: []string{".owner：文本 100，例如 \"张三\"", "ignore"},
		},
		"a token in the answers": {
			cfg: func(t *testing.T) guanke.Config {
				return example(t, "cursor", func(s *source) {
					s.change = func(_ int, v map[string]any) { v["echo"] = token + secret + password }
				})
			},
			step: "其余字段", status: check.OK, says: []string{".echo", "***"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := tc.window
			if w.From.IsZero() {
				w = window
			}
			r, text := run(t, tc.cfg(t), w)
			got := step(t, r, tc.step)
			require.Equal(t, tc.status, got.Status, text)
			said := fmt.Sprint(got.Message, got.Details, got.Advice)
			for _, want := range tc.says {
				require.Contains(t, said, want, text)
			}
			if tc.status == check.Fail {
				require.False(t, r.OK)
			}
		})
	}
}

// plainSource is a source that answers everything alike.
func plainSource(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	srv := httptest.NewServer(answer)
	t.Cleanup(srv.Close)
	return srv.URL
}

func parsed(t *testing.T, text string) *mapping.Mapping {
	t.Helper()
	m, err := mapping.Parse("m.yaml", []byte(text))
	require.NoError(t, err)
	return m
}

// A day with more tasks than a page has is no mistake of the mapping.
func TestTasksBehindTheFirstPageAreFound(t *testing.T) {
	t.Parallel()
	m := parsed(t, `version: 1
auth: {kind: none}
list:
  path: /x
  items: .list
  window: {start: from, end: to, format: "2006-01-02", granularity: 1d, inclusive: true}
  paging: {style: page, param: page, size: size, largest: 10, total_header: X-Total}
fields: {id: .id, name: .id, created_at: {path: .at, format: "2006-01-02 15:04:05"}}
`)
	for per, want := range map[int]check.Status{60: check.OK, 600: check.Skip} {
		address := plainSource(t, func(w http.ResponseWriter, r *http.Request) {
			q := r.URL.Query()
			var all []any
			for i := range 3 * per {
				created := window.From.Add(time.Duration(i) * 72 * time.Hour / time.Duration(3*per))
				if day := created.Format(time.DateOnly); day >= q.Get("from") && day <= q.Get("to") {
					// The newest first, so that the middle of a page is not on the first page of its day.
					all = append([]any{map[string]any{"id": fmt.Sprint(i), "at": created.Format(time.DateTime)}}, all...)
				}
			}
			if q.Get("from") == q.Get("to") {
				slices.Reverse(all)
			}
			page := number(q.Get("page"), 1)
			w.Header().Set("X-Total", fmt.Sprint(len(all)))
			write(w, http.StatusOK, map[string]any{"list": all[min(len(all), (page-1)*10):min(len(all), page*10)]})
		})
		r, text := run(t, guanke.Config{BaseURL: address, Mapping: m}, window)
		require.True(t, r.OK, text)
		require.Equal(t, want, step(t, r, "窗口起点").Status, text)
		require.Equal(t, check.OK, step(t, r, "每页条数").Status, text)
	}
}

// An answer that is no strict JSON is looked at as a run would read it.
func TestOddJSONIsCheckedAsItIsRead(t *testing.T) {
	t.Parallel()
	m := parsed(t, `version: 1
auth: {kind: none}
list: {path: /x, items: ., paging: {style: none}}
fields: {id: .id, name: .name, created_at: {path: .at, format: unix}}
`)
	address := plainSource(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "\xef\xbb\xbf[{\"id\":1,\"name\":\"第一行\n第二行\",\"at\":%d,\"rate\":NaN}]", window.From.Unix())
	})
	r, text := run(t, guanke.Config{BaseURL: address, Mapping: m}, window)
	require.True(t, r.OK, text)
	require.Equal(t, check.OK, step(t, r, "映射").Status, text)
}

func TestAdviceForOddShapes(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		items, body string
		header      string
		says        string
	}{
		"keyed":           {".data.list", `{"data":{"7":{"name":"a"},"8":{"name":"b"}}}`, "", "to_entries"},
		"elsewhere":       {".data.list", `{"data":{"rows":[{"id":1}]}}`, "", ".data.rows"},
		"one by one":      {".data[].task", `{"data":[{"task":{"id":1}},{"task":{"id":2}}]}`, "", "方括号"},
		"part of seconds": {".", fmt.Sprintf(`[{"id":1,"name":"a","at":%d.25}]`, window.From.Unix()), "", "* 1000 | floor"},
		"total in header": {".", fmt.Sprintf(`[{"id":1,"name":"a","at":%d}]`, window.From.Unix()), "X-Total-Count", "total_header: X-Total-Count"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := plainSource(t, func(w http.ResponseWriter, _ *http.Request) {
				if tc.header != "" {
					w.Header().Set(tc.header, "1")
				}
				fmt.Fprint(w, tc.body)
			})
			m := parsed(t, `version: 1
auth: {kind: none}
list: {path: /x, items: "`+tc.items+`", paging: {style: none}}
fields: {id: .id, name: .name, created_at: {path: .at, format: unix}}
`)
			_, text := run(t, guanke.Config{BaseURL: address, Mapping: m}, window)
			require.Contains(t, text, tc.says)
		})
	}
}

func TestTimesInUTCByName(t *testing.T) {
	t.Parallel()
	address := plainSource(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `[{"id":1,"name":"a","at":%q}]`, r.URL.Query().Get("s"))
	})
	text := `version: 1
zone: Asia/Shanghai
auth: {kind: none}
list: {path: /x, items: ., window: {start: s, end: e, format: "2006-01-02T15:04:05Z"}, paging: {style: none}}
fields: {id: .id, name: .name, created_at: {path: .at, format: "2006-01-02T15:04:05Z"}}
`
	r, out := run(t, guanke.Config{BaseURL: address, Mapping: parsed(t, text)}, window)
	require.Equal(t, check.Warn, step(t, r, "时间窗口").Status, out)
	require.Contains(t, out, "zone: UTC")
	r, out = run(t, guanke.Config{BaseURL: address, Mapping: parsed(t, strings.Replace(text, "Asia/Shanghai", "UTC", 1))}, window)
	require.Equal(t, check.OK, step(t, r, "时间窗口").Status, out)
}
