package recording_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tasksync/guanke/recording"
)

// canned answers everything in one way.
type canned struct {
	status int
	body   []byte
}

func (c canned) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: c.status, Header: http.Header{"Content-Type": {"application/json"}, "Link": {string(c.body[:min(len(c.body), 40)])}},
		Body: io.NopCloser(bytes.NewReader(c.body)), Request: r, ProtoMajor: 1, ProtoMinor: 1,
	}, nil
}

// FuzzRecording records any answer and reads it again: nothing secret is kept,
// and the same request gets the same answer, but for what was secret.
func FuzzRecording(f *testing.F) {
	for _, body := range []string{
		``, `{"token":"abc"}`, `{"a":"` + secret + `"}`, "\x00\xff\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", `{"password":"` + password, `<a href="http://source.example/?token=x&page=2">`,
		`"token":"a\"b"`, `{"access_token":"0123456789abcdef","again":"0123456789abcdef"}`, "\r\n", "REMOVED", `{"secret":12345,"n":1}`,
	} {
		f.Add(200, []byte(body), "page=1&token=x")
		f.Add(503, []byte(body), "q="+url.QueryEscape(secret))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte, query string) {
		status = 200 + int(uint(status)%400)
		dir := filepath.Join(t.TempDir(), "r")
		recorder, err := recording.New(recording.Config{
			Dir: dir, BaseURL: "http://source.example/api", Secrets: []string{secret, password}, Next: canned{status, body},
		})
		require.NoError(t, err)
		request := httptest.NewRequest(http.MethodGet, "http://source.example/api/items", nil)
		request.URL.RawQuery = query
		res, err := recorder.RoundTrip(request)
		require.NoError(t, err)
		given, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.Equal(t, body, given[:len(given):len(given)], "the caller sees the answer itself")
		answers, err := recorder.Close(recording.Info{}, "")
		require.NoError(t, err)
		require.Equal(t, 1, answers)
		kept := content(t, dir)
		requireNoSecret(t, kept)
		if strings.Contains(kept, recording.Removed+"=") {
			return // A parameter that is called like a secret is another request.
		}

		replay, err := recording.Open(dir)
		require.NoError(t, err)
		ask := func() *httptest.ResponseRecorder {
			again := httptest.NewRequest(http.MethodGet, "http://127.0.0.1/api/items", nil)
			again.URL.RawQuery = query
			w := httptest.NewRecorder()
			replay.ServeHTTP(w, again)
			return w
		}
		first := ask()
		require.Equal(t, status, first.Code, first.Body)
		require.Equal(t, first.Body.String(), ask().Body.String())
		if bodyAllowed(status) && plainText(string(body)) {
			require.Equal(t, string(body), first.Body.String())
		}
	})
}

func bodyAllowed(status int) bool {
	return status != http.StatusNoContent && status != http.StatusNotModified
}

// plainText reports whether there is nothing in the text that is removed.
func plainText(text string) bool {
	return !strings.ContainsAny(text, `":?&@=;\`) && !strings.Contains(text, "secret")
}
