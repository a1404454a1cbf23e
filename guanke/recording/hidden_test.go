package recording_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tasksync/guanke/recording"
	"tasksync/task"
)

// Tokens are found in JSON that stands as a text in JSON, and under odd names
// once they are used.
func TestTokensInOddPlacesAreNotKept(t *testing.T) {
	t.Parallel()
	const nested, odd = "n3sted-token/77", "0dd-place-88"
	address := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/login" {
			fmt.Fprintf(w, `{"payload":"{\"inner\":\"{\\\"token\\\": \\\"%s\\\"}\",\"kept\":\"任务\"}","list":["%s"]}`, nested, odd)
			return
		}
		fmt.Fprintf(w, `{"seen":%q,"raw":%q,"pw":%q}`, r.Header.Get("Authorization"), base64.RawURLEncoding.EncodeToString([]byte(nested)),
			base64.RawStdEncoding.EncodeToString([]byte(password)))
	}))
	recorder, dir := newRecorder(t, address)
	c := &http.Client{Transport: recorder}
	ask(t, c, http.MethodGet, address+"/login", "", "")
	ask(t, c, http.MethodGet, address+"/list", "", "", "Authorization", "Bearer "+odd)
	closeRecorder(t, recorder)
	all := content(t, dir)
	requireNoSecret(t, all, nested, odd, base64.RawURLEncoding.EncodeToString([]byte(nested)), base64.RawStdEncoding.EncodeToString([]byte(password)))
	require.Contains(t, all, "任务")
	_, text := ask(t, c, http.MethodGet, serve(t, open(t, dir))+"/login", "", "")
	require.JSONEq(t, `{"payload":"{\"inner\":\"{\\\"token\\\": \\\"REMOVED\\\"}\",\"kept\":\"任务\"}","list":["REMOVED"]}`, text)
}

func TestFixedSecretsAreNotKept(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "r")
	recorder, err := recording.New(recording.Config{
		Dir: dir, BaseURL: "http://a", Fixed: map[string]string{"appSecret": "l1teral-one", "key": "l1teral-two", "tenant": "tenant-1"},
	})
	require.NoError(t, err)
	_, err = recorder.Close(recording.Info{}, "query: {appSecret: l1teral-one, key: l1teral-two, tenant: tenant-1}\n")
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(dir, "mapping.yaml"))
	require.NoError(t, err)
	require.Equal(t, "query: {appSecret: REMOVED, key: REMOVED, tenant: tenant-1}\n", string(text))
}

func TestRecordingsOfOthers(t *testing.T) {
	t.Parallel()
	const exchange = "GET /a HTTP/1.1\r\nHost: recorded.invalid\r\n\r\nHTTP/1.1 200 OK\r\n\r\n{}"
	folder := func(info string) string {
		dir := filepath.Join(t.TempDir(), "[录制] *")
		require.NoError(t, os.Mkdir(dir, 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "0001-GET-a.http"), []byte(exchange), 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "recording.json"), []byte(info), 0o600))
		return dir
	}
	require.Len(t, open(t, folder(`{"base_path":"/api/v1","mapping":"mapping.yaml"}`)).Requests(), 1)
	for _, info := range []string{
		`{"mapping":"../../etc/passwd"}`, `{"mapping":"/etc/passwd"}`, `{"mapping":"m.yaml; rm -rf ."}`,
		`{"base_path":"/$(touch x)"}`, `{"base_path":"/a\nexport X=1"}`, `{"base_path":"@evil.example"}`,
	} {
		_, err := recording.Open(folder(info))
		require.Equal(t, task.CodeInvalidArgument, task.CodeOf(err), info)
		require.Contains(t, task.MessageOf(err), "recording.json")
	}
	dir := folder(`{}`)
	require.NoError(t, os.Symlink("/dev/zero", filepath.Join(dir, "0002-GET-b.http")))
	_, err := recording.Open(dir)
	require.Contains(t, task.MessageOf(err), "0002-GET-b.http")
	_, err = recording.Open(filepath.Join(dir, strings.Repeat("x", 10)))
	require.Contains(t, task.MessageOf(err), "--replay")
}
