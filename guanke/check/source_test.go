package check_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"tasksync/guanke"
	"tasksync/guanke/mapping"
	"tasksync/task"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	secret   = "pl4nted-secret"
	password = "pl4nted-password"
	token    = "pl4nted-token-77"
)

var (
	shanghai = time.FixedZone("CST", 8*60*60)
	window   = task.Window{From: time.Date(2026, 11, 20, 0, 0, 0, 0, shanghai), To: time.Date(2026, 11, 23, 0, 0, 0, 0, shanghai)}
)

// item is one task of a third party's source.
type item struct {
	no      int
	created time.Time
}

// items are n tasks, one every 25 minutes from the beginning of the window.
func items(n int) []item {
	out := make([]item, n)
	for i := range out {
		out[i] = item{no: i + 1, created: window.From.Add(time.Duration(i) * 25 * time.Minute)}
	}
	return out
}

// source is a third party's source of one of the styles that the examples
// describe, with the mistakes that such sources or their mappings make.
type source struct {
	t     *testing.T
	items []item
	// shift is added to the times that the source is asked for: another zone.
	shift time.Duration
	// inclusive and startOpen say which ends count in.
	inclusive, startOpen bool
	// cap is the source's own limit of a page; ignorePage and ignoreWindow
	// parameters that it does not know.
	cap                      int
	ignorePage, ignoreWindow bool
	// longest is the longest span; 0 is any.
	longest time.Duration
	// change rewrites one item.
	change func(i int, v map[string]any)

	mu    sync.Mutex
	asked []string
}

// selected are the items from from up to to.
func (s *source) selected(from, to time.Time) []item {
	from, to = from.Add(s.shift), to.Add(s.shift)
	return slices.DeleteFunc(slices.Clone(s.items), func(x item) bool {
		switch {
		case s.ignoreWindow:
			return false
		case x.created.Before(from), x.created.After(to):
			return true
		case x.created.Equal(to):
			return !s.inclusive
		}
		return s.startOpen && x.created.Equal(from)
	})
}

func (s *source) refused(from, to time.Time) bool { return s.longest > 0 && to.Sub(from) > s.longest }

func cut(all []item, offset, size int) []item {
	offset = min(max(offset, 0), len(all))
	return all[offset:min(len(all), offset+size)]
}

func (s *source) serve() string {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked = append(s.asked, r.URL.Path)
		s.mu.Unlock()
		switch r.URL.Path {
		case "/api/tasks":
			s.rest(w, r.URL.Query())
		case "/oauth/token":
			s.oauth(w, r)
		case "/v1/campaigns":
			s.campaigns(w, r)
		case "/rpc/queryTask":
			s.query(w, r)
		default:
			http.NotFound(w, r)
		}
	}))
	s.t.Cleanup(srv.Close)
	return srv.URL
}

func write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func (s *source) written(all []item, one func(item) map[string]any) []any {
	out := []any{}
	for i, x := range all {
		v := one(x)
		if s.change != nil {
			s.change(i, v)
		}
		out = append(out, v)
	}
	return out
}

func number(text string, fallback int) int {
	if n, err := strconv.Atoi(text); err == nil {
		return n
	}
	return fallback
}

// rest is the first example.
func (s *source) rest(w http.ResponseWriter, q url.Values) {
	from, err := time.Parse(time.RFC3339, q.Get("from"))
	to, err2 := time.Parse(time.RFC3339, q.Get("to"))
	if (err != nil || err2 != nil) && !s.ignoreWindow || s.refused(from, to) {
		write(w, http.StatusBadRequest, map[string]any{"error": "bad from or to"})
		return
	}
	all := s.selected(from, to)
	page, size := number(q.Get("page"), 1), min(number(q.Get("per_page"), 20), s.cap)
	if s.ignorePage {
		page = 1
	}
	write(w, http.StatusOK, map[string]any{"total": len(all), "items": s.written(cut(all, (page-1)*size, size), func(x item) map[string]any {
		return map[string]any{
			"id": x.no, "name": fmt.Sprintf("某市-1014-高中-10000-N-A-L3-%d", x.no), "status": "running", "created_at": x.created.Format(time.RFC3339),
			"stats": map[string]any{"total": 100, "called": 50, "connected": 20, "succeeded": 3}, "owner": "张三",
		}
	})})
}

func (s *source) oauth(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	if r.Method != http.MethodPost || r.PostForm.Get("client_id") != "ops" || r.PostForm.Get("client_secret") != password {
		write(w, http.StatusUnauthorized, map[string]any{"error": map[string]any{"code": "invalid_client", "message": "client " + r.PostForm.Get("client_secret")}})
		return
	}
	write(w, http.StatusOK, map[string]any{"access_token": token, "expires_in": 3600})
}

// campaigns is the second example.
func (s *source) campaigns(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if r.Header.Get("Authorization") != "Bearer "+token || q.Get("type") != "outbound" {
		write(w, http.StatusUnauthorized, map[string]any{"error": map[string]any{"message": "no bearer: " + r.Header.Get("Authorization")}})
		return
	}
	at := func(name string) time.Time { return time.UnixMilli(int64(number(q.Get(name), 0))) }
	if s.refused(at("created_gte"), at("created_lte")) {
		write(w, http.StatusUnprocessableEntity, map[string]any{"error": map[string]any{"code": "range", "message": "range too long"}})
		return
	}
	all := s.selected(at("created_gte"), at("created_lte"))
	offset, size := number(q.Get("cursor"), 0), min(number(q.Get("limit"), 20), s.cap)
	page := cut(all, offset, size)
	meta := map[string]any{"has_more": offset+len(page) < len(all), "next_cursor": nil}
	if offset+len(page) < len(all) {
		meta["next_cursor"] = strconv.Itoa(offset + len(page))
	}
	write(w, http.StatusOK, map[string]any{"meta": meta, "data": s.written(page, func(x item) map[string]any {
		attributes := map[string]any{"title": fmt.Sprintf("活动 %d", x.no), "status": "PAUSED"}
		if x.no%2 == 0 {
			attributes = map[string]any{"name": fmt.Sprintf("活动 %d", x.no), "status": "DONE"}
		}
		return map[string]any{
			"uuid": fmt.Sprintf("c-%d", x.no), "attributes": attributes, "created_ms": x.created.UnixMilli(),
			"counters": map[string]any{"numbers": 9, "answered": 4, "missed": 2}, "labels": map[string]any{"package": "PKG-1"},
			"links": map[string]any{"self": "/v1/campaigns/" + strconv.Itoa(x.no)}, "owner": "张三",
		}
	})})
}

// query is the third example.
func (s *source) query(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Filter struct{ Kind, BeginTime, EndTime string }
		Offset int
		Limit  int
	}
	_ = json.NewDecoder(r.Body).Decode(&in)
	refuse := func(code, message string) {
		write(w, http.StatusOK, map[string]any{"success": false, "errCode": code, "errMsg": message, "result": nil})
	}
	if r.Method != http.MethodPost || r.Header.Get("X-Api-Key") != secret {
		refuse("NO_PERMISSION", "无效的 X-Api-Key："+r.Header.Get("X-Api-Key"))
		return
	}
	from, err := time.ParseInLocation(time.DateTime, in.Filter.BeginTime, shanghai)
	to, err2 := time.ParseInLocation(time.DateTime, in.Filter.EndTime, shanghai)
	if err != nil || err2 != nil || in.Filter.Kind != "call" || s.refused(from, to) {
		refuse("PARAM_ERROR", "参数错误")
		return
	}
	all := s.selected(from, to)
	page := cut(all, in.Offset, min(in.Limit, s.cap))
	write(w, http.StatusOK, map[string]any{"success": true, "errCode": "0", "errMsg": "", "result": map[string]any{
		"hasNext": in.Offset+len(page) < len(all), "rows": s.written(page, func(x item) map[string]any {
			return map[string]any{
				"taskNo": fmt.Sprintf("T-%d", x.no), "taskTitle": fmt.Sprintf("任务 %d", x.no), "taskState": 3, "numberCount": "8", "callCount": 5,
				"gmtCreate": x.created.Format(time.DateTime), "remark": nil,
			}
		}),
	}})
}

// example is a worked example of the documents, with the source that it is for.
func example(t *testing.T, name string, change func(*source)) guanke.Config {
	t.Helper()
	m, err := mapping.Load("../../docs/mappings/" + name + ".yaml")
	require.NoError(t, err)
	s := &source{t: t, items: items(130), inclusive: name != "rest", cap: m.List.Paging.Largest, longest: 40 * 24 * time.Hour}
	if name == "post" {
		s.longest = 8 * 24 * time.Hour
	}
	if change != nil {
		change(s)
	}
	return guanke.Config{BaseURL: s.serve(), Mapping: m, Secret: secret, Username: "ops", Password: password}
}

func readExample(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/mappings/" + name + ".yaml")
	require.NoError(t, err)
	return string(text)
}
