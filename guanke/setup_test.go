package guanke_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"tasksync/guanke"
	"tasksync/guanke/sim"
	"tasksync/task"
)

// The test server of PostgreSQL outlives the tests.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("tasksync/internal/dev/tether.Start.func1"))
}

const (
	secret   = "s3cr+t/with space"
	password = "p&ssw0rd?"
)

var (
	shanghai = mustZone("Asia/Shanghai")
	noon     = time.Date(2026, 11, 23, 12, 0, 0, 0, shanghai)
)

func mustZone(name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return zone
}

func at(s string) time.Time {
	t, err := time.ParseInLocation(time.DateTime, s, shanghai)
	if err != nil {
		panic(err)
	}
	return t
}

// newClient makes a client of the server at address.
func newClient(t *testing.T, address string, change func(*guanke.Config)) *guanke.Client {
	t.Helper()
	cfg := guanke.Config{BaseURL: address, Secret: secret}
	if change != nil {
		change(&cfg)
	}
	c, err := guanke.New(cfg)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// newSim starts a simulated source whose clock stands at noon.
func newSim(t *testing.T, cfg sim.Config) (*sim.Server, string) {
	t.Helper()
	cfg.Secret = secret
	s, err := sim.New(cfg)
	require.NoError(t, err)
	s.Freeze(noon)
	return s, serve(t, s)
}

func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.URL
}

// source answers tokens, and lists by list.
func source(list http.HandlerFunc) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/token/secret", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"code":200,"message":"OK","data":{"token":"t0ken"}}`)
	})
	mux.HandleFunc("/task/list/v2", list)
	return mux
}

// list answers a list of the entries, written as JSON.
func list(entries string, total int) http.HandlerFunc {
	return text(fmt.Sprintf(`{"code":200,"message":"OK","data":{"data":[%s],"totalCount":%d,"page":1}}`, entries, total))
}

func text(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) }
}

var today = task.Window{From: at("2026-11-23 00:00:00"), To: noon}

// read reads all pages of w.
func read(ctx context.Context, c *guanke.Client, w task.Window) ([]task.Page, error) {
	var pages []task.Page
	for page, err := range c.Pages(ctx, w, "") {
		if err != nil {
			return pages, err
		}
		pages = append(pages, page)
	}
	return pages, nil
}

func tasksOf(pages []task.Page) []task.Task {
	var out []task.Task
	for _, p := range pages {
		out = append(out, p.Tasks...)
	}
	return out
}

// truth asks the simulated source what it has from first to last.
func truth(t *testing.T, address string, first, last time.Time) []task.Task {
	t.Helper()
	const layout = "2006-01-02+15:04:05"
	res, err := http.Get(address + "/_sim/truth?startTime=" + first.In(shanghai).Format(layout) +
		"&endTime=" + last.In(shanghai).Format(layout))
	require.NoError(t, err)
	defer res.Body.Close()
	require.Equal(t, http.StatusOK, res.StatusCode)
	var out []task.Task
	for d := json.NewDecoder(res.Body); d.More(); {
		var e struct {
			ID, State     json.Number
			TaskName      string
			TotalNumber   int64
			CallNumber    int64
			ConnectNumber int64
			SuccessNumber int64
			CreateTime    int64
			Concurrency   int
			Remark        string
		}
		require.NoError(t, d.Decode(&e))
		out = append(out, task.Task{
			ID: e.ID.String(), Name: e.TaskName, State: e.State.String(),
			Total: e.TotalNumber, Called: e.CallNumber, Connected: e.ConnectNumber, Succeeded: e.SuccessNumber,
			CreatedAt:  time.Unix(e.CreateTime, 0).In(shanghai),
			Attributes: fmt.Appendf(nil, `{"concurrency":%d,"remark":%q}`, e.Concurrency, e.Remark),
		})
	}
	return out
}
