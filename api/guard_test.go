package api_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"tasksync/api"
	"tasksync/task"
)

// guarded is an API that allows one host and one origin beside loopback, and
// says whether a write went through.
func guarded(t *testing.T) (e *env, written *bool) {
	t.Helper()
	e = setup(t, func(cfg *api.Config) {
		cfg.AllowedHosts = []string{"sync.example.com", "Proxy.example.com:8443"}
		cfg.CORSOrigins = []string{"https://ops.example.com"}
	})
	written = new(bool)
	e.records.markAllRead = func(context.Context, string) error {
		*written = true
		return nil
	}
	return e, written
}

func TestHost(t *testing.T) {
	t.Parallel()
	for host, allowed := range map[string]bool{
		"localhost":              true,
		"localhost:8080":         true,
		"LOCALHOST:1":            true,
		"127.0.0.1:8080":         true,
		"[::1]:8080":             true,
		"[::1]":                  true,
		"sync.example.com":       true,
		"sync.example.com:9999":  true,
		"proxy.example.com:8443": true,
		"proxy.example.com:8080": false,
		"evil.example":           false,
		"evil.example:8080":      false,
		"localhost.evil.example": false,
		"127.0.0.1.evil.example": false,
		"192.168.1.2:8080":       false,
		"0.0.0.0:8080":           false,
		"xsync.example.com":      false,
	} {
		t.Run(host, func(t *testing.T) {
			t.Parallel()
			e, written := guarded(t)
			health := e.do("GET", "/healthz", "Host", host)
			write := e.do("POST", "/api/sync/records/read-all", "Host", host)
			require.Equal(t, allowed, *written)
			if allowed {
				require.Equal(t, 200, health.status)
				require.Equal(t, 200, write.status)
				return
			}
			health.refused(t, 403, task.CodeForbiddenOrigin)
			require.Contains(t, write.refused(t, 403, task.CodeForbiddenOrigin), "TASKSYNC_ALLOWED_HOSTS")
			e.do("GET", "/nowhere", "Host", host).refused(t, 403, task.CodeForbiddenOrigin)
		})
	}
}

func TestCrossSiteWrite(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		headers []string
		allowed bool
	}{
		"no browser":              {nil, true},
		"own page":                {[]string{"Sec-Fetch-Site", "same-origin"}, true},
		"own page, by its origin": {[]string{"Origin", "http://localhost:8080", "Host", "localhost:8080"}, true},
		"typed by hand":           {[]string{"Sec-Fetch-Site", "none"}, true},
		"configured origin":       {[]string{"Origin", "https://ops.example.com", "Sec-Fetch-Site", "cross-site"}, true},
		"foreign origin":          {[]string{"Origin", "https://evil.example"}, false},
		"foreign, cross-site":     {[]string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, false},
		"cross-site":              {[]string{"Sec-Fetch-Site", "cross-site"}, false},
		"same site, other origin": {[]string{"Sec-Fetch-Site", "same-site"}, false},
		"sandboxed page":          {[]string{"Origin", "null"}, false},
		"other scheme":            {[]string{"Origin", "http://ops.example.com", "Sec-Fetch-Site", "cross-site"}, false},
		"other port on loopback":  {[]string{"Origin", "http://localhost:3000", "Host", "localhost:8080"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, written := guarded(t)
			got := e.do("POST", "/api/sync/records/read-all", tc.headers...)
			require.Equal(t, tc.allowed, *written)
			if tc.allowed {
				require.Equal(t, 200, got.status)
				return
			}
			require.Contains(t, got.refused(t, 403, task.CodeForbiddenOrigin), "TASKSYNC_CORS_ORIGINS")
			require.Empty(t, got.header.Get("Access-Control-Allow-Origin"))
		})
	}
}

func TestCORS(t *testing.T) {
	t.Parallel()
	e, written := guarded(t)

	read := e.do("GET", "/healthz", "Origin", "https://ops.example.com")
	require.Equal(t, "https://ops.example.com", read.header.Get("Access-Control-Allow-Origin"))
	require.Contains(t, read.header.Values("Vary"), "Origin")

	refusal := e.do("GET", "/api/sync/records/0", "Origin", "https://ops.example.com")
	refusal.refused(t, 400, task.CodeInvalidArgument)
	require.Equal(t, "https://ops.example.com", refusal.header.Get("Access-Control-Allow-Origin"))

	foreign := e.do("GET", "/healthz", "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site")
	require.Equal(t, 200, foreign.status)
	require.Empty(t, foreign.header.Get("Access-Control-Allow-Origin"))
	require.Contains(t, foreign.header.Values("Vary"), "Origin")

	preflight := e.do("OPTIONS", "/api/sync/today/manual",
		"Origin", "https://ops.example.com", "Access-Control-Request-Method", "POST")
	require.Equal(t, 204, preflight.status)
	require.Equal(t, "https://ops.example.com", preflight.header.Get("Access-Control-Allow-Origin"))
	require.Equal(t, "GET, HEAD, POST", preflight.header.Get("Access-Control-Allow-Methods"))
	require.Empty(t, preflight.header.Get("Access-Control-Allow-Credentials"))

	refused := e.do("OPTIONS", "/api/sync/today/manual",
		"Origin", "https://evil.example", "Access-Control-Request-Method", "POST")
	refused.refused(t, 403, task.CodeForbiddenOrigin)
	require.Empty(t, refused.header.Get("Access-Control-Allow-Origin"))
	require.False(t, *written)
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	e := setup(t)
	for _, target := range []string{"/healthz", "/nowhere", "/api/sync/records/0"} {
		got := e.do("GET", target)
		require.Equal(t, "nosniff", got.header.Get("X-Content-Type-Options"))
		require.Equal(t, "no-store", got.header.Get("Cache-Control"))
		require.Contains(t, got.header.Get("Content-Security-Policy"), "frame-ancestors 'none'")
	}
}

func TestBadSettings(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*api.Config)
		names  string
	}{
		"address":          {func(c *api.Config) { c.Addr = ":8080" }, "TASKSYNC_HTTP_ADDR"},
		"zone":             {func(c *api.Config) { c.Zone = nil }, "TASKSYNC_TIMEZONE"},
		"wait":             {func(c *api.Config) { c.ManualWait = 0 }, "TASKSYNC_MANUAL_WAIT"},
		"holder":           {func(c *api.Config) { c.LockedBy = "" }, "锁定者"},
		"any host":         {func(c *api.Config) { c.AllowedHosts = []string{"*"} }, "TASKSYNC_ALLOWED_HOSTS"},
		"host with scheme": {func(c *api.Config) { c.AllowedHosts = []string{"https://a.example"} }, "TASKSYNC_ALLOWED_HOSTS"},
		"empty host":       {func(c *api.Config) { c.AllowedHosts = []string{""} }, "TASKSYNC_ALLOWED_HOSTS"},
		"any origin":       {func(c *api.Config) { c.CORSOrigins = []string{"*"} }, "TASKSYNC_CORS_ORIGINS"},
		"wild origin":      {func(c *api.Config) { c.CORSOrigins = []string{"https://*.example.com"} }, "TASKSYNC_CORS_ORIGINS"},
		"null origin":      {func(c *api.Config) { c.CORSOrigins = []string{"null"} }, "TASKSYNC_CORS_ORIGINS"},
		"origin with path": {func(c *api.Config) { c.CORSOrigins = []string{"https://a.example/"} }, "TASKSYNC_CORS_ORIGINS"},
		"origin, no host":  {func(c *api.Config) { c.CORSOrigins = []string{"https://"} }, "TASKSYNC_CORS_ORIGINS"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := api.New(config(tc.change), &fakeRecords{}, &fakeRuns{}, slog.New(slog.DiscardHandler))
			require.Equal(t, task.CodeInvalidArgument, task.CodeOf(err))
			require.Contains(t, task.MessageOf(err), tc.names)
		})
	}
}

func TestCheckAddr(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{"127.0.0.1:8080", "localhost:0", "[::1]:8080", "127.0.0.2:80", "LocalHost:65535"} {
		require.NoError(t, api.CheckAddr(addr), addr)
	}
	for addr, says := range map[string]string{
		":8080":             "访问令牌",
		"0.0.0.0:8080":      "127.0.0.1:8080",
		"[::]:8080":         "访问令牌",
		"192.168.1.2:8080":  "访问令牌",
		"example.com:8080":  "访问令牌",
		"localhost.x.y:80":  "访问令牌",
		"":                  "主机:端口",
		"127.0.0.1":         "主机:端口",
		"127.0.0.1:http":    "0 到 65535",
		"127.0.0.1:65536":   "0 到 65535",
		"127.0.0.1:8080:90": "主机:端口",
	} {
		err := api.CheckAddr(addr)
		require.Equal(t, task.CodeInvalidArgument, task.CodeOf(err), addr)
		require.Contains(t, task.MessageOf(err), says, addr)
		require.Contains(t, task.MessageOf(err), "TASKSYNC_HTTP_ADDR", addr)
	}
}
