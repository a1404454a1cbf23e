package guanke_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tasksync/guanke"
	"tasksync/guanke/mapping"
	"tasksync/guanke/sim"
	"tasksync/task"
)

// body is a page of 999 tasks, which is not full, as the simulated source writes it.
func body(b *testing.B) []byte {
	b.Helper()
	s, err := sim.New(sim.Config{Secret: secret, TasksPerDay: 999})
	require.NoError(b, err)
	s.Freeze(noon)
	ask := func(path string, q url.Values, token string) []byte {
		r := httptest.NewRequest(http.MethodGet, path+"?"+q.Encode(), nil)
		r.Header.Set("Authorization", token)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		out, err := io.ReadAll(w.Body)
		require.NoError(b, err)
		return out
	}
	var answer struct{ Data struct{ Token string } }
	require.NoError(b, json.Unmarshal(ask("/token/secret", url.Values{"secret": {secret}}, ""), &answer))
	return ask("/task/list/v2", url.Values{
		"startTime": {"2026-11-22 00:00:00"}, "endTime": {"2026-11-22 23:59:59"}, "pageSize": {"1000"},
	}, answer.Data.Token)
}

type canned struct{ list []byte }

func (c canned) RoundTrip(r *http.Request) (*http.Response, error) {
	text := c.list
	if r.URL.Path != "/task/list/v2" {
		text = []byte(`{"code":200,"data":{"token":"t"}}`)
	}
	w := httptest.NewRecorder()
	_, _ = w.Write(text)
	return w.Result(), nil
}

// BenchmarkPage is one page of 999 tasks from the connection's bytes to
// tasks, beside encoding/json into plain structs, which checks nothing.
func BenchmarkPage(b *testing.B) {
	text := body(b)
	perTask := func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/999, "ns/task")
	}
	read := func(text []byte, m *mapping.Mapping) func(*testing.B) {
		return func(b *testing.B) {
			c, err := guanke.New(guanke.Config{
				BaseURL: "http://source", Mapping: m, Secret: secret, HTTP: &http.Client{Transport: canned{text}},
			})
			require.NoError(b, err)
			w := task.Window{From: at("2026-11-22 00:00:00"), To: at("2026-11-23 00:00:00")}
			b.ReportAllocs()
			for b.Loop() {
				pages, err := read(b.Context(), c, w)
				if err != nil || len(pages) != 1 || len(pages[0].Tasks) != 999 {
					b.Fatal(len(pages), err)
				}
			}
			perTask(b)
		}
	}
	b.Run("client", read(text, nil))
	// Without a member that becomes an attribute.
	b.Run("client-nothing-left-over", read(regexp.MustCompile(`,"concurrency":\d+,"remark":""`).ReplaceAll(text, nil), nil))
	// With one field that gojq works out.
	run, err := mapping.Parse("run.yaml", []byte(strings.Replace(mapping.DefaultText(), "state: .state", "state: .state | tostring", 1)))
	require.NoError(b, err)
	b.Run("client-expression", read(text, run))
	b.Run("encoding-json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var out struct {
				Data struct {
					Data []struct {
						ID                                                    json.Number
						TaskName                                              string
						State                                                 int
						TotalNumber, CallNumber, ConnectNumber, SuccessNumber int64
						CreateTime                                            int64
					}
				}
			}
			if err := json.Unmarshal(text, &out); err != nil || len(out.Data.Data) != 999 {
				b.Fatal(err)
			}
		}
		perTask(b)
	})
}

// BenchmarkSim is the simulated source's cost of a page in the middle of a day
// of 200,000 tasks.
func BenchmarkSim(b *testing.B) {
	s, err := sim.New(sim.Config{Secret: secret, TasksPerDay: 200_000, Clock: func() time.Time { return noon }})
	require.NoError(b, err)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/token/secret?"+url.Values{"secret": {secret}}.Encode(), nil))
	var answer struct{ Data struct{ Token string } }
	require.NoError(b, json.Unmarshal(w.Body.Bytes(), &answer))
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		r := httptest.NewRequest(http.MethodGet, fmt.Sprintf("/task/list/v2?page=%d&pageSize=1000&startTime=2026-11-22+00:00:00&endTime=2026-11-22+23:59:59", 1+n%200), nil)
		r.Header.Set("Authorization", answer.Data.Token)
		s.ServeHTTP(httptest.NewRecorder(), r)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/task")
}
