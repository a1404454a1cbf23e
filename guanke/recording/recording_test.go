package recording_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"tasksync/guanke"
	"tasksync/guanke/recording"
	"tasksync/guanke/sim"
	"tasksync/task"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	secret   = "pl4nted/secret+with space"
	password = "pl4nted-p&ssword?"
)

var (
	shanghai = time.FixedZone("Asia/Shanghai", 8*60*60)
	noon     = time.Date(2026, 11, 23, 12, 0, 0, 0, shanghai)
	window   = task.Window{From: time.Date(2026, 11, 20, 0, 0, 0, 0, shanghai), To: time.Date(2026, 11, 23, 0, 0, 0, 0, shanghai)}
)

// newRecorder records what is asked at address into a folder of its own.
func newRecorder(t *testing.T, address string, names ...string) (*recording.Recorder, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "recording")
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	r, err := recording.New(recording.Config{
		Dir: dir, BaseURL: address, Secrets: []string{secret, password}, Names: names, Next: transport,
	})
	require.NoError(t, err)
	return r, dir
}

func closeRecorder(t *testing.T, r *recording.Recorder) int {
	t.Helper()
	n, err := r.Close(recording.Info{From: window.From, To: window.To}, "")
	require.NoError(t, err)
	return n
}

func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.URL
}

func open(t *testing.T, dir string) *recording.Replay {
	t.Helper()
	p, err := recording.Open(dir)
	require.NoError(t, err)
	return p
}

// content is everything in the folder, names included.
func content(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		require.NoError(t, err)
		fmt.Fprintf(&all, "== %s\n%s\n", f.Name(), text)
		info, err := f.Info()
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
	return all.String()
}

func requireNoSecret(t *testing.T, text string, more ...string) {
	t.Helper()
	for _, s := range append([]string{secret, password}, more...) {
		for _, form := range []string{s, url.QueryEscape(s), url.PathEscape(s), strings.ReplaceAll(s, "/", `\/`)} {
			require.NotContains(t, text, form)
		}
	}
}

// read reads the window and answers its tasks.
func read(ctx context.Context, t *testing.T, cfg guanke.Config) []task.Task {
	t.Helper()
	c, err := guanke.New(cfg)
	require.NoError(t, err)
	defer c.Close()
	var all []task.Task
	for page, err := range c.Pages(ctx, window, "") {
		require.NoError(t, err)
		all = append(all, page.Tasks...)
	}
	return all
}

func TestReplayGivesTheSameTasks(t *testing.T) {
	t.Parallel()
	for name, credentials := range map[string]guanke.Config{
		"secret":   {Secret: secret},
		"password": {Username: "ops", Password: password},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source, err := sim.New(sim.Config{Secret: secret, Username: "ops", Password: password, TasksPerDay: 60})
			require.NoError(t, err)
			source.Freeze(noon)
			// Below a path, as behind a gateway.
			address := serve(t, http.StripPrefix("/open/api", source)) + "/open/api"
			recorder, dir := newRecorder(t, address+"/")

			cfg := credentials
			cfg.BaseURL, cfg.PageSize, cfg.Zone, cfg.HTTP = address, 50, shanghai, &http.Client{Transport: recorder}
			want := read(t.Context(), t, cfg)
			require.Len(t, want, 180)
			require.Equal(t, 5, closeRecorder(t, recorder), "a token and four pages")
			host, _, _ := strings.Cut(strings.TrimPrefix(address, "http://"), "/")
			requireNoSecret(t, content(t, dir), host)

			replay := open(t, dir)
			require.True(t, replay.Info.From.Equal(window.From))
			require.Len(t, replay.Requests(), 5)
			require.Equal(t, "/open/api", replay.Info.BasePath)
			// Anybody's credentials do.
			again := guanke.Config{BaseURL: serve(t, replay) + replay.Info.BasePath, Secret: "anything", PageSize: 50, Zone: shanghai}
			if name == "password" {
				again.Secret, again.Username, again.Password = "", "somebody", "else"
			}
			require.Equal(t, want, read(t.Context(), t, again))
			require.Equal(t, want, read(t.Context(), t, again), "as often as it is asked")
		})
	}
}

// ask sends a request through the recorder and answers status and body.
func ask(t *testing.T, c *http.Client, method, address, contentType, body string, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	require.NoError(t, err)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := c.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(text)
}

func TestNothingSecretIsKept(t *testing.T) {
	t.Parallel()
	const token, other, cookie = "tok-9f8e7d6c5b4a3210", "other-credential-77", "cookie-value-123456"
	mux := http.NewServeMux()
	mux.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "sid", Value: cookie})
		w.Header().Set("X-Auth-Token", token)
		fmt.Fprintf(w, `{"access_token": "%s","expires_in":3600,"data":{"Refresh-Token":"%s","ticket":"%s"},"password":%d}`, token, token, other, 123456)
	})
	mux.HandleFunc("/items", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		// A source that repeats whatever it was given.
		q, _ := json.Marshal(map[string]any{
			"echo": r.URL.String(), "header": r.Header.Get("Authorization"), "body": string(body), "nextPageToken": "cursor-0123456789abcdef",
			"next": "http://" + r.Host + "/items?access_token=" + token + "&cursor=abc", "key": "分组", "token_count": 7,
		})
		_, _ = w.Write(q)
	})
	address := serve(t, mux)
	recorder, dir := newRecorder(t, address, "ticket")
	c := &http.Client{Transport: recorder}
	ask(t, c, http.MethodPost, address+"/login", "application/json", fmt.Sprintf(`{"secret":%q,"user":"ops"}`, secret))
	ask(t, c, http.MethodPost, address+"/login", "application/x-www-form-urlencoded", url.Values{"user": {"0ps-name"}, "password": {password}}.Encode())
	ask(t, c, http.MethodGet, address+"/items?access_token="+token+"&page=1&q="+url.QueryEscape(secret), "", "", "Authorization", "Bearer "+token)
	ask(t, c, http.MethodPost, address+"/items", "application/json", `{"page":1,"pwd":"x9-pl4nted"}`, "Authorization", "Basic b3BzOnBsNG50ZWQ=")
	closeRecorder(t, recorder)

	all := content(t, dir)
	requireNoSecret(t, all, token, other, cookie, "b3BzOnBsNG50ZWQ=", "0ps-name", "123456,", "x9-pl4nted", strings.TrimPrefix(address, "http://"))
	for _, kept := range []string{"cursor-0123456789abcdef", `"key":"分组"`, `"token_count":7`, "expires_in", "page=1", `"page":1`} {
		require.Contains(t, all, kept)
	}
	require.Contains(t, all, recording.Removed)

	// The replay takes any credentials for those that were removed.
	at := serve(t, open(t, dir))
	plain := &http.Client{}
	t.Cleanup(plain.CloseIdleConnections)
	res, text := ask(t, plain, http.MethodPost, at+"/login", "application/json", `{"user":"ops","secret":"mine"}`)
	require.Equal(t, http.StatusOK, res.StatusCode, text)
	res, text = ask(t, plain, http.MethodPost, at+"/login", "application/x-www-form-urlencoded", "user=me&password=mine")
	require.Equal(t, http.StatusOK, res.StatusCode, text)
	res, text = ask(t, plain, http.MethodGet, at+"/items?page=1&access_token=mine&q=mine", "", "")
	require.Equal(t, http.StatusOK, res.StatusCode, text)
	require.Contains(t, text, `"next":"`+at+`/items?`, "links lead to the replay")
	res, text = ask(t, plain, http.MethodPost, at+"/items", "application/json", ` {"pwd":"mine", "page":1}`)
	require.Equal(t, http.StatusOK, res.StatusCode, text)
}

func TestUnknownRequest(t *testing.T) {
	t.Parallel()
	source := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, `{}`) })
	address := serve(t, source)
	recorder, dir := newRecorder(t, address)
	c := &http.Client{Transport: recorder}
	ask(t, c, http.MethodGet, address+"/items?page=1&size=50", "", "")
	ask(t, c, http.MethodGet, address+"/items?page=2&size=50", "", "")
	closeRecorder(t, recorder)
	at := serve(t, open(t, dir))
	plain := &http.Client{}
	t.Cleanup(plain.CloseIdleConnections)
	for path, want := range map[string][]string{
		"/items?page=3&size=50":          {"0001-GET-items.http", "page：录制的是 1"},
		"/items?page=2&size=20":          {"0002-GET-items.http", "size：录制的是 50"},
		"/items?page=2&size=50&x=1":      {"0002-GET-items.http", "x：录制的请求没有这个参数"},
		"/other":                         {"没有 GET /other 这个路径"},
		"/other?secret=do-not-show&page": {"没有 GET /other 这个路径"},
	} {
		res, text := ask(t, plain, http.MethodGet, at+path, "", "")
		require.Equal(t, http.StatusNotFound, res.StatusCode)
		require.NotContains(t, text, "do-not-show")
		var out struct {
			Code     int
			Message  string
			Recorded []string
		}
		require.NoError(t, json.Unmarshal([]byte(text), &out))
		require.Equal(t, http.StatusNotFound, out.Code)
		require.Equal(t, []string{"GET /items?page=1&size=50", "GET /items?page=2&size=50"}, out.Recorded)
		for _, w := range want {
			require.Contains(t, out.Message, w)
		}
	}
}

// A fault is recorded as it was, and its turn comes once.
func TestFaultsAreReplayed(t *testing.T) {
	t.Parallel()
	const bad = "\x00\xff{\"id\":1,\r\n"
	turn := 0
	address := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		turn++
		switch turn {
		case 1:
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(http.StatusServiceUnavailable)
		case 2:
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, `{"cut`)
		default:
			fmt.Fprint(w, bad)
		}
	}))
	recorder, dir := newRecorder(t, address)
	faults := func(c *http.Client, address string) (out []string) {
		for range 4 {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/items", nil)
			require.NoError(t, err)
			res, err := c.Do(req)
			require.NoError(t, err)
			text, err := io.ReadAll(res.Body)
			require.NoError(t, res.Body.Close())
			out = append(out, fmt.Sprintf("%d %s %q %v", res.StatusCode, res.Header.Get("Retry-After"), text, err))
		}
		return out
	}
	first := faults(&http.Client{Transport: recorder}, address)
	require.Contains(t, first[1], "unexpected EOF")
	require.Equal(t, 4, closeRecorder(t, recorder))
	plain := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(plain.CloseIdleConnections)
	require.Equal(t, first, faults(plain, serve(t, open(t, dir))))
}

func TestFoldersThatWillNotDo(t *testing.T) {
	t.Parallel()
	full := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(full, "x"), nil, 0o600))
	_, err := recording.New(recording.Config{Dir: full, BaseURL: "http://a"})
	require.Equal(t, task.CodeInvalidArgument, task.CodeOf(err))
	require.Contains(t, task.MessageOf(err), "不是空的")
	_, err = recording.New(recording.Config{Dir: filepath.Join(full, "x", "y"), BaseURL: "http://a"})
	require.Equal(t, task.CodeInvalidArgument, task.CodeOf(err))
	_, err = recording.Open(full)
	require.Contains(t, task.MessageOf(err), "source record")
	require.NoError(t, os.WriteFile(filepath.Join(full, "0001-GET-x.http"), []byte("GET"), 0o600))
	_, err = recording.Open(full)
	require.Contains(t, task.MessageOf(err), "0001-GET-x.http")
}
