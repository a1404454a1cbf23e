package sim_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tasksync/guanke/sim"
)

func TestParseFaults(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]sim.Faults{
		``:                 {},
		`{}`:               {},
		`{"latency":"5s"}`: {Latency: 5 * time.Second},
		`{"status":503,"retry_after":7,"times":2}`:        {Status: 503, RetryAfter: 7, Times: 2},
		`{"code":1001,"message":"不行","scope":"all"}`:      {Code: 1001, Message: "不行", Scope: sim.ScopeAll},
		`{"expired_token":true,"times":1}`:                {ExpiredToken: true, Times: 1},
		`{"reset":true,"scope":"token","latency":"10ms"}`: {Reset: true, Scope: sim.ScopeToken, Latency: 10 * time.Millisecond},
	} {
		got, err := sim.ParseFaults(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got)
		again, err := json.Marshal(got)
		require.NoError(t, err)
		var back sim.Faults
		require.NoError(t, json.Unmarshal(again, &back))
		require.Equal(t, want, back)
	}
	for text, says := range map[string]string{
		`{"latencie":"5s"}`:                      "latencie",
		`{"latency":5}`:                          "latency",
		`{"latency":"soon"}`:                     "latency",
		`{"latency":"-1s"}`:                      "latency",
		`{"latency":"11m"}`:                      "latency",
		`{"status":200}`:                         "status",
		`{"status":"503"}`:                       "status",
		`{"code":200}`:                           "code",
		`{"status":503,"reset":true}`:            "只能设置一个",
		`{"retry_after":3}`:                      "retry_after",
		`{"status":503,"retry_after":-3}`:        "retry_after",
		`{"status":503,"times":-3}`:              "times",
		`{"status":503,"scope":"lists"}`:         "scope",
		`{"expired_token":true,"scope":"token"}`: "expired_token",
		`{} {}`:                                  "后面",
		`[]`:                                     "",
		`{`:                                      "JSON",
	} {
		_, err := sim.ParseFaults(text)
		require.Error(t, err, text)
		require.Contains(t, err.Error(), says)
	}
	for _, cfg := range []sim.Config{
		{Faults: sim.Faults{Status: 1}}, {TasksPerDay: -1}, {TasksPerDay: 10_000_001}, {TokenTTL: -1}, {Username: "u"},
	} {
		_, err := sim.New(cfg)
		require.Error(t, err)
	}
}

func TestFaultsOverHTTP(t *testing.T) {
	t.Parallel()
	s := setup(t, sim.Config{})
	tok := token(t, s)
	get := func() *httptest.ResponseRecorder {
		return ask(s, "GET", "/task/list/v2?startTime=2026-11-22+00:00:00&endTime=2026-11-22+01:00:00", "", "Authorization", tok)
	}
	put := func(body string) {
		w := ask(s, "PUT", "/_sim/faults", body)
		require.Equal(t, http.StatusOK, w.Code, w.Body)
		require.JSONEq(t, body, w.Body.String())
	}

	put(`{"status":503,"retry_after":9,"times":2}`)
	for range 2 {
		w := get()
		require.Equal(t, http.StatusServiceUnavailable, w.Code)
		require.Equal(t, "9", w.Header().Get("Retry-After"))
	}
	require.Equal(t, http.StatusOK, get().Code)
	require.JSONEq(t, `{}`, ask(s, "GET", "/_sim/faults", "").Body.String())

	put(`{"code":1001,"message":"坏了"}`)
	require.JSONEq(t, `{"code":1001,"message":"坏了"}`, get().Body.String())
	require.NotEmpty(t, token(t, s)) // Out of its scope.
	require.JSONEq(t, `{}`, ask(s, "DELETE", "/_sim/faults", "").Body.String())

	put(`{"expired_token":true,"times":1}`)
	require.Contains(t, get().Body.String(), `"code":401`)
	require.Contains(t, get().Body.String(), `"code":401`) // The same token stays expired.
	tok = token(t, s)
	require.Contains(t, get().Body.String(), `"code":200`)

	put(`{"status":500,"scope":"all"}`)
	require.Equal(t, http.StatusInternalServerError, ask(s, "GET", "/token", "").Code)
	require.Equal(t, http.StatusInternalServerError, get().Code)

	for _, bad := range []string{``, ` `, `null x`, `{"status":1}`, `{"what":1}`} {
		w := ask(s, "PUT", "/_sim/faults", bad)
		require.Equal(t, http.StatusBadRequest, w.Code, bad)
		require.Contains(t, w.Body.String(), `"error"`)
	}
	require.Equal(t, 500, s.Faults().Status) // As before.

	var stats sim.Stats
	require.NoError(t, json.Unmarshal(ask(s, "GET", "/_sim/stats", "").Body.Bytes(), &stats))
	require.Equal(t, sim.Stats{
		Requests: map[string]int{"/task/list/v2": 8, "/token/secret": 3, "/token": 1}, Faulted: 6, Tokens: 3,
	}, stats)
}

func TestResetAndLatency(t *testing.T) {
	t.Parallel()
	s := setup(t, sim.Config{Faults: sim.Faults{Reset: true, Latency: time.Millisecond, Scope: sim.ScopeToken}})
	srv := httptest.NewServer(s)
	defer srv.Close()
	_, err := srv.Client().Get(srv.URL + "/token")
	require.Error(t, err)
	require.NoError(t, s.SetFaults(sim.Faults{Latency: time.Millisecond, Scope: sim.ScopeToken}))
	res, err := srv.Client().Get(srv.URL + "/token")
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.Equal(t, 2, s.Stats().Faulted)
}

func TestClockOverHTTP(t *testing.T) {
	t.Parallel()
	wall := noon.Add(time.Hour)
	s, err := sim.New(sim.Config{Clock: func() time.Time { return wall.UTC() }})
	require.NoError(t, err)
	require.JSONEq(t, `{"now":"2026-11-23T13:00:00+08:00","frozen":false}`, ask(s, "GET", "/_sim/clock", "").Body.String())
	require.JSONEq(t, `{"now":"2026-11-23T14:00:00+08:00","frozen":true}`,
		ask(s, "PUT", "/_sim/clock", `{"now":"2026-11-23T06:00:00Z"}`).Body.String())
	require.Equal(t, noon.Add(2*time.Hour).Unix(), s.Now().Unix())
	for _, bad := range []string{``, `{}`, `{"now":"2026-11-23 14:00:00"}`, `{"now":1}`, `{"time":"2026-11-23T06:00:00Z"}`} {
		require.Equal(t, http.StatusBadRequest, ask(s, "PUT", "/_sim/clock", bad).Code, bad)
	}
	require.JSONEq(t, `{"now":"2026-11-23T13:00:00+08:00","frozen":false}`, ask(s, "DELETE", "/_sim/clock", "").Body.String())
}

func TestBrowsersAreKeptOut(t *testing.T) {
	t.Parallel()
	s := setup(t, sim.Config{AllowedHosts: []string{"sim.internal", "Other.internal:9090"}})
	for host, want := range map[string]int{
		"127.0.0.1:9090": 200, "localhost": 200, "LOCALHOST:1": 200, "[::1]:9090": 200, "127.9.9.9": 200,
		"sim.internal:9090": 200, "other.internal": 200,
		"evil.example": 403, "localhost.evil.example": 403, "10.0.0.1:9090": 403, "127.0.0.1.evil.example": 403,
	} {
		for _, path := range []string{"clock", "faults", "stats", "truth?startTime=2026-11-22+00:00:00&endTime=2026-11-22+00:00:00"} {
			require.Equal(t, want, ask(s, "GET", "/_sim/"+path, "", "Host", host).Code, host+path)
		}
		require.Equal(t, want, ask(s, "DELETE", "/_sim/faults", "", "Host", host).Code, host)
	}
	for _, header := range [][2]string{
		{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"},
	} {
		for _, method := range []string{"PUT", "DELETE"} {
			w := ask(s, method, "/_sim/faults", `{"status":500}`, header[0], header[1])
			require.Equal(t, http.StatusForbidden, w.Code)
			require.Contains(t, w.Body.String(), `"error"`)
		}
		w := ask(s, "GET", "/_sim/faults", "", header[0], header[1])
		require.JSONEq(t, `{}`, w.Body.String())
		require.Empty(t, w.Header().Get("Access-Control-Allow-Origin"))
	}
	require.Equal(t, http.StatusMethodNotAllowed, ask(s, "POST", "/_sim/faults", `{}`).Code)
	require.Equal(t, http.StatusBadRequest, ask(s, "GET", "/_sim/truth", "").Code)
}
