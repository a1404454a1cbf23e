package sim_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tasksync/guanke/sim"
)

const historical = "/task/list/v2?startTime=2026-11-20+00:00:00&endTime=2026-11-22+23:59:59&pageSize=1000"

// over asks for the list over a real connection that unpacks nothing.
func over(t *testing.T, s *sim.Server) *http.Response {
	t.Helper()
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	t.Cleanup(client.CloseIdleConnections)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+historical, nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", token(t, s))
	res, err := client.Do(req)
	require.NoError(t, err)
	t.Cleanup(func() { _ = res.Body.Close() })
	require.Equal(t, http.StatusOK, res.StatusCode)
	return res
}

func spoilt(t *testing.T, kind string) (s *sim.Server, whole []byte) {
	t.Helper()
	s = setup(t, sim.Config{})
	whole, err := io.ReadAll(over(t, s).Body)
	require.NoError(t, err)
	require.True(t, json.Valid(whole))
	require.NoError(t, s.SetFaults(sim.Faults{Body: kind}))
	return s, whole
}

func TestBodies(t *testing.T) {
	t.Parallel()
	for kind, check := range map[string]func(t *testing.T, res *http.Response, whole []byte){
		sim.BodyTrickle: func(t *testing.T, res *http.Response, whole []byte) {
			first := make([]byte, 4096)
			n, err := res.Body.Read(first)
			require.NoError(t, err)
			require.Equal(t, whole[:n], first[:n])
			require.LessOrEqual(t, n, 2048, "it comes piece by piece")
			rest, err := io.ReadAll(res.Body)
			require.NoError(t, err)
			require.Equal(t, whole[n:], rest)
		},
		sim.BodyStall: func(t *testing.T, res *http.Response, whole []byte) {
			half := make([]byte, len(whole)/2)
			_, err := io.ReadFull(res.Body, half)
			require.NoError(t, err)
			require.Equal(t, whole[:len(half)], half)
		},
		sim.BodyEndless: func(t *testing.T, res *http.Response, whole []byte) {
			begin := make([]byte, len(whole)+4<<20)
			_, err := io.ReadFull(res.Body, begin)
			require.NoError(t, err)
			require.Equal(t, whole[:len(whole)-1], bytes.TrimRight(begin, " "))
		},
		sim.BodyTruncated: func(t *testing.T, res *http.Response, whole []byte) {
			got, err := io.ReadAll(res.Body)
			require.NoError(t, err)
			require.Equal(t, whole[:len(whole)/2], got)
		},
		sim.BodyCut: func(t *testing.T, res *http.Response, whole []byte) {
			require.EqualValues(t, len(whole), res.ContentLength)
			_, err := io.ReadAll(res.Body)
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		},
		sim.BodyMalformed: func(t *testing.T, res *http.Response, whole []byte) {
			got, err := io.ReadAll(res.Body)
			require.NoError(t, err)
			require.Len(t, got, len(whole))
			require.False(t, json.Valid(got))
		},
		sim.BodyEmpty: func(t *testing.T, res *http.Response, _ []byte) {
			got, err := io.ReadAll(res.Body)
			require.NoError(t, err)
			require.Empty(t, got)
		},
		sim.BodyHTML: func(t *testing.T, res *http.Response, _ []byte) {
			require.Contains(t, res.Header.Get("Content-Type"), "text/html")
			got, err := io.ReadAll(res.Body)
			require.NoError(t, err)
			require.Contains(t, string(got), "登录")
		},
		sim.BodyBomb: func(t *testing.T, res *http.Response, whole []byte) {
			require.Equal(t, "gzip", res.Header.Get("Content-Encoding"))
			packed, err := io.ReadAll(res.Body)
			require.NoError(t, err)
			require.Less(t, len(packed), 2<<20)
			z, err := gzip.NewReader(bytes.NewReader(packed))
			require.NoError(t, err)
			begin := make([]byte, len(whole)+1<<20)
			_, err = io.ReadFull(z, begin)
			require.NoError(t, err)
			require.Equal(t, whole[:len(whole)-1], bytes.TrimRight(begin, " "))
			rest, err := io.Copy(io.Discard, z)
			require.NoError(t, err)
			require.GreaterOrEqual(t, rest, int64(1<<30-1<<20))
		},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s, whole := spoilt(t, kind)
			check(t, over(t, s), whole)
		})
	}
}

func TestBodyOfAToken(t *testing.T) {
	t.Parallel()
	s := setup(t, sim.Config{Faults: sim.Faults{Body: sim.BodyMalformed, Scope: sim.ScopeToken, Times: 1}})
	got := ask(s, "GET", "/token/secret?secret="+sim.DefaultSecret, "").Body.String()
	require.False(t, json.Valid([]byte(got)))
	require.True(t, strings.HasPrefix(got, `{"code"`))
	require.NotEmpty(t, token(t, s))
}
