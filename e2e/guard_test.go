package e2e_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"tasksync/internal/systest"
)

// The settings reach the guards of the API and of the simulator's switches.
func TestForeignPagesAreKeptOut(t *testing.T) {
	t.Parallel()
	s := systest.Start(t, systest.WithoutWorker(), systest.WithEnv("",
		"TASKSYNC_ALLOWED_HOSTS=sync.example.com", "TASKSYNC_CORS_ORIGINS=https://ops.example.com"))
	for name, tc := range map[string]struct {
		url, host string
		header    map[string]string
		refused   bool
	}{
		"no browser":           {url: s.APIURL + "/api/sync/records/read-all"},
		"configured host":      {url: s.APIURL + "/api/sync/records/read-all", host: "sync.example.com"},
		"configured origin":    {url: s.APIURL + "/api/sync/records/read-all", header: map[string]string{"Origin": "https://ops.example.com"}},
		"rebound host":         {url: s.APIURL + "/api/sync/records/read-all", host: "evil.example.com", refused: true},
		"foreign origin":       {url: s.APIURL + "/api/sync/records/read-all", header: map[string]string{"Origin": "https://evil.example.com"}, refused: true},
		"cross-site":           {url: s.APIURL + "/api/sync/records/read-all", header: map[string]string{"Sec-Fetch-Site": "cross-site"}, refused: true},
		"simulator, rebound":   {url: s.SimURL + "/_sim/faults", host: "evil.example.com", refused: true},
		"simulator, origin":    {url: s.SimURL + "/_sim/faults", header: map[string]string{"Origin": "https://evil.example.com"}, refused: true},
		"simulator, from here": {url: s.SimURL + "/_sim/faults"},
	} {
		method := http.MethodPost
		if tc.url == s.SimURL+"/_sim/faults" {
			method = http.MethodDelete
		}
		req, err := http.NewRequestWithContext(t.Context(), method, tc.url, nil)
		require.NoError(t, err)
		req.Host = tc.host
		for key, value := range tc.header {
			req.Header.Set(key, value)
		}
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		want := http.StatusOK
		if tc.refused {
			want = http.StatusForbidden
		}
		require.Equal(t, want, res.StatusCode, name)
	}
}
