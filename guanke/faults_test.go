package guanke_test

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tasksync/guanke"
	"tasksync/task"
)

// requireClean looks for what must not be seen in err and everything in it.
func requireClean(t *testing.T, err error) {
	t.Helper()
	for ; err != nil; err = errors.Unwrap(err) {
		text := fmt.Sprintf("%v %+v %#v", err, err, err)
		for _, hidden := range []string{
			secret, url.QueryEscape(secret), url.PathEscape(secret), password, url.QueryEscape(password),
			"secret=", "password=", "username=", "startTime=", "t0ken",
		} {
			require.NotContains(t, text, hidden)
		}
		var at *url.Error
		require.False(t, errors.As(err, &at))
	}
}

func status(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		echo(w, r)
	}
}

// echo is a source that repeats whatever it was given.
func echo(w io.Writer, r *http.Request) {
	q := r.URL.Query()
	fmt.Fprintf(w, `{"code":1002,"message":"GET %s %s %s %s"}`,
		r.URL, q.Get("secret"), q.Get("password"), r.Header.Get("Authorization"))
}

func hijack(w http.ResponseWriter, reply string) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	_, _ = io.WriteString(conn, reply)
	_ = conn.Close()
}

type faultCase struct {
	name    string
	handler http.HandlerFunc
	code    task.Code
	says    string
	wait    time.Duration
	// token is the code where the token endpoint answers so; "" is code.
	token task.Code
}

func faultCases() []faultCase {
	const (
		unavailable = task.CodeSourceUnavailable
		contract    = task.CodeSourceContract
		auth        = task.CodeSourceAuth
	)
	code := func(code, message string) http.HandlerFunc {
		return text(`{"code":` + code + `,"message":"` + message + `","data":null}`)
	}
	return []faultCase{
		{name: "500", handler: status(500), code: unavailable, says: "冠客接口返回 500，请稍后再试"},
		{name: "503", handler: status(503, "Retry-After", "7"), code: unavailable, says: "503", wait: 7 * time.Second},
		{name: "429", handler: status(429, "Retry-After", "30"), code: unavailable, says: "429", wait: 30 * time.Second},
		{name: "429 until the past", handler: status(429, "Retry-After", "Sun, 06 Nov 1994 08:49:37 GMT"), code: unavailable},
		{name: "429 for ever", handler: status(429, "Retry-After", "99999999999999"), code: unavailable, wait: 24 * time.Hour},
		{name: "429 with nonsense", handler: status(429, "Retry-After", "soon"), code: unavailable},
		{name: "401", handler: status(401), code: unavailable, says: "令牌", token: auth},
		{name: "403", handler: status(403), code: auth, says: "403"},
		{name: "400", handler: status(400), code: contract, says: "400", token: auth},
		{name: "404", handler: status(404), code: contract, says: "GUANKE_BASE_URL"},
		{name: "204", handler: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, code: contract},
		{name: "reset", handler: func(w http.ResponseWriter, _ *http.Request) { hijack(w, "") }, code: unavailable, says: "中断"},
		{name: "not HTTP", handler: func(w http.ResponseWriter, r *http.Request) {
			hijack(w, "hello "+r.URL.String()+" "+r.URL.Query().Get("secret")+"\r\n\r\n")
		}, code: unavailable},
		{name: "cut-off body", handler: func(w http.ResponseWriter, _ *http.Request) {
			hijack(w, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"code\":200,")
		}, code: unavailable, says: "不完整"},
		{name: "cut-off JSON", handler: text(`{"code":200,"data":{"data":[{"id":1`), code: unavailable, says: "不完整"},
		{name: "nothing", handler: text(""), code: unavailable, says: "不完整"},
		{name: "time-out", handler: func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, code: unavailable, says: "没有答复"},
		{name: "slow body", handler: func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, `{"code":200,`)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, code: unavailable, says: "没有答复"},
		{name: "endless body", handler: func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, `{"code":200,"message":"`)
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, strings.Repeat("x", 32<<10)); err != nil {
					return
				}
			}
		}, code: contract, says: "超过上限"},
		{name: "HTML", handler: func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "<a href=%q>%s %s</a>", r.URL, r.URL.Query().Get("secret"), r.Header.Get("Authorization"))
		}, code: contract, says: "不是有效的 JSON"},
		{name: "malformed", handler: text(`{"code":200,"data":{"data":[}}`), code: contract, says: "JSON"},
		{name: "more than one answer", handler: text(`{"code":200,"data":{"data":[],"token":"x"}} {}`), code: contract},
		{name: "an array", handler: text(`[]`), code: contract, says: "不符合约定"},
		{name: "no code", handler: text(`{"data":{"data":[],"token":"x"}}`), code: contract, says: "code"},
		{name: "strange code", handler: code(`"OK"`, ""), code: contract, says: "code"},
		{name: "no data", handler: code("200", "OK"), code: contract},
		{name: "data of another kind", handler: text(`{"code":200,"data":"x"}`), code: contract},
		{name: "no list", handler: text(`{"code":200,"data":{"totalCount":3,"token":7}}`), code: contract},
		{name: "error code", handler: code("1001", `参数\u0000 错误\r\n\u202e`+strings.Repeat("长", 500)), code: contract, says: "错误码 1001，请核对接口约定（冠客：参数 错误 长", token: auth},
		{name: "error code as text", handler: code(`"1001"`, "x"), code: contract, says: "1001", token: auth},
		{name: "error code echoes", handler: func(w http.ResponseWriter, r *http.Request) { echo(w, r) }, code: contract, says: "1002", token: auth},
		{name: "code 500", handler: code("500", "x"), code: unavailable, says: "500"},
		{name: "code 429", handler: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "3")
			code("429", "慢一点")(w, r)
		}, code: unavailable, says: "慢一点", wait: 3 * time.Second},
		{name: "code 403", handler: code("403", "无权限"), code: auth, says: "无权限"},
		{name: "expired twice", handler: code("401", "token过期"), code: unavailable, says: "连续两次", token: auth},
		{name: "redirect away", handler: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://evil.example/?"+r.URL.RawQuery, http.StatusFound)
		}, code: contract, says: "跳转"},
		{name: "redirect for ever", handler: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.String(), http.StatusTemporaryRedirect)
		}, code: contract, says: "跳转"},
		{name: "redirect to nonsense", handler: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "http://[::1?"+r.URL.RawQuery)
			w.WriteHeader(http.StatusFound)
		}, code: unavailable},
		{name: "redirect nowhere", handler: status(302), code: contract},
	}
}

// impatient is the configuration for the fault. Only a source that does not
// answer in time is waited for as short as this: a busy machine is slow too.
func (f *faultCase) impatient(cfg *guanke.Config) {
	cfg.MaxBody = 1 << 20
	if f.says == "没有答复" {
		cfg.Timeout = 300 * time.Millisecond
	}
}

func TestFaultsOfTheList(t *testing.T) {
	t.Parallel()
	for _, f := range faultCases() {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			pages, err := read(t.Context(), newClient(t, serve(t, source(f.handler)), f.impatient), today)
			require.Empty(t, pages)
			require.Equal(t, f.code, task.CodeOf(err), err)
			require.Contains(t, task.MessageOf(err), f.says)
			require.Less(t, len([]rune(err.Error())), 500)
			var e *task.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, f.wait, e.RetryAfter)
			requireClean(t, err)
		})
	}
}

func TestFaultsOfTheTokenEndpoints(t *testing.T) {
	t.Parallel()
	for _, f := range faultCases() {
		for _, bySecret := range []bool{true, false} {
			t.Run(fmt.Sprint(f.name, bySecret), func(t *testing.T) {
				t.Parallel()
				c := newClient(t, serve(t, f.handler), func(cfg *guanke.Config) {
					f.impatient(cfg)
					if !bySecret {
						cfg.Secret, cfg.Username, cfg.Password = "", "ops", password
					}
				})
				want := f.token
				if want == "" {
					want = f.code
				}
				err := c.Check(t.Context())
				require.Equal(t, want, task.CodeOf(err), err)
				requireClean(t, err)
			})
		}
	}
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(nil)
	srv.Close()
	err := newClient(t, srv.URL, nil).Check(t.Context())
	require.Equal(t, task.CodeSourceUnavailable, task.CodeOf(err))
	require.Contains(t, task.MessageOf(err), "GUANKE_BASE_URL")
	requireClean(t, err)
}

func TestUntrustedCertificate(t *testing.T) {
	t.Parallel()
	srv := httptest.NewUnstartedServer(source(list("", 0)))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	defer srv.Close()
	err := newClient(t, srv.URL, nil).Check(t.Context())
	require.Equal(t, task.CodeSourceUnavailable, task.CodeOf(err))
	require.Contains(t, task.MessageOf(err), "证书")
	requireClean(t, err)

	trusting := newClient(t, srv.URL, func(cfg *guanke.Config) { cfg.HTTP = srv.Client() })
	require.NoError(t, trusting.Check(t.Context()))
}

func TestRetryAfterAsDate(t *testing.T) {
	t.Parallel()
	at := time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
	_, err := read(t.Context(), newClient(t, serve(t, source(status(503, "Retry-After", at))), nil), today)
	var e *task.Error
	require.ErrorAs(t, err, &e)
	require.Positive(t, e.RetryAfter)
	require.LessOrEqual(t, e.RetryAfter, time.Hour)
}

func TestRedirectWithinTheOrigin(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.Handle("/api/", http.RedirectHandler("/moved", http.StatusFound))
	referer := "none"
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) {
		referer = r.Header.Get("Referer")
		text(`{"code":200,"data":{"token":"t0ken"}}`)(w, r)
	})
	require.NoError(t, newClient(t, serve(t, mux)+"/api/", nil).Check(t.Context()))
	require.Empty(t, referer)
}

func TestPageThatFailsIsTheNextOfTheOneBefore(t *testing.T) {
	t.Parallel()
	broken := true
	grow := growing(func(int) (int, bool) { return 6, true })
	c := newClient(t, serve(t, source(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("page") == "2" && broken {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		grow(w, r)
	})), func(cfg *guanke.Config) { cfg.PageSize = 2 })
	pages, err := read(t.Context(), c, today)
	require.Equal(t, task.CodeSourceUnavailable, task.CodeOf(err))
	require.Len(t, pages, 1)

	broken = false
	var ids []string
	for page, err := range c.Pages(t.Context(), today, pages[0].Next) {
		require.NoError(t, err)
		for _, x := range page.Tasks {
			ids = append(ids, x.ID)
		}
	}
	require.Equal(t, []string{"3", "4", "5", "6"}, ids)
}

func TestPageThatIsLongerThanAsked(t *testing.T) {
	t.Parallel()
	c := newClient(t, serve(t, source(growing(func(int) (int, bool) { return 6, true }))),
		func(cfg *guanke.Config) { cfg.PageSize = 1 })
	_, err := read(t.Context(), c, today)
	require.Equal(t, task.CodeSourceContract, task.CodeOf(err))
}
