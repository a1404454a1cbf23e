package guanke_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"tasksync/guanke"
	"tasksync/guanke/sim"
	"tasksync/task"
)

func TestExpiredTokenIsReplacedOnceForAll(t *testing.T) {
	t.Parallel()
	const callers = 20
	server, address := newSim(t, sim.Config{})
	c := newClient(t, address, nil)
	readAll := func() {
		var all sync.WaitGroup
		errs := make(chan error, callers)
		for range callers {
			all.Go(func() {
				_, err := read(t.Context(), c, today)
				errs <- err
			})
		}
		all.Wait()
		for range callers {
			require.NoError(t, <-errs)
		}
	}
	readAll()
	require.EqualValues(t, 1, server.Stats().Tokens)

	require.NoError(t, server.SetFaults(sim.Faults{ExpiredToken: true, Times: 1}))
	readAll()
	require.EqualValues(t, 2, server.Stats().Tokens)
	require.Equal(t, 1, server.Stats().Faulted)
}

func TestTokenThatIsNeverGood(t *testing.T) {
	t.Parallel()
	server, address := newSim(t, sim.Config{})
	require.NoError(t, server.SetFaults(sim.Faults{ExpiredToken: true}))
	c := newClient(t, address, nil)
	_, err := read(t.Context(), c, today)
	require.Equal(t, task.CodeSourceUnavailable, task.CodeOf(err))
	require.Equal(t, 2, server.Stats().Faulted)

	require.NoError(t, server.SetFaults(sim.Faults{}))
	_, err = read(t.Context(), c, today)
	require.NoError(t, err)
}

func TestExpiryIsRecognized(t *testing.T) {
	t.Parallel()
	for name, expired := range map[string]http.HandlerFunc{
		"http 401": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) },
		"code 401": text(`{"code":401,"message":"unauthorized"}`),
		"message":  text(`{"code":1001,"message":"Token 已过期","data":null}`),
		"http 400": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"code":400,"message":"invalid token"}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls := 0
			c := newClient(t, serve(t, source(func(w http.ResponseWriter, r *http.Request) {
				if calls++; calls == 1 {
					expired(w, r)
					return
				}
				list("", 0)(w, r)
			})), nil)
			_, err := read(t.Context(), c, today)
			require.NoError(t, err)
			require.Equal(t, 2, calls)
		})
	}
}

func TestTokenRequestOutlivesTheCallerThatBeganIt(t *testing.T) {
	t.Parallel()
	asked, answer := make(chan struct{}), make(chan struct{})
	c := newClient(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/token") {
			asked <- struct{}{}
			<-answer
			text(`{"code":200,"data":{"token":"t0ken"}}`)(w, r)
			return
		}
		list("", 0)(w, r)
	})), nil)
	first, cancel := context.WithCancel(t.Context())
	errs := make(chan error, 1)
	go func() {
		_, err := read(first, c, today)
		errs <- err
	}()
	<-asked
	second := make(chan error, 1)
	go func() {
		_, err := read(t.Context(), c, today)
		second <- err
	}()
	cancel()
	// Whether the second joined in time or asks itself, it gets its answer.
	for {
		select {
		case <-asked:
		case answer <- struct{}{}:
		case err := <-second:
			require.NoError(t, err)
			require.Equal(t, context.Canceled, <-errs)
			return
		}
	}
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	server, err := sim.New(sim.Config{Secret: secret, Username: "ops", Password: password})
	require.NoError(t, err)
	address := serve(t, server)
	for name, c := range map[string]struct {
		change func(*guanke.Config)
		code   task.Code
		names  string
	}{
		"secret":         {func(*guanke.Config) {}, "", ""},
		"password":       {func(c *guanke.Config) { c.Secret, c.Username, c.Password = "", "ops", password }, "", ""},
		"both":           {func(c *guanke.Config) { c.Username, c.Password = "ops", "wrong" }, "", ""},
		"wrong secret":   {func(c *guanke.Config) { c.Secret = "no" }, task.CodeSourceAuth, "GUANKE_API_SECRET"},
		"wrong password": {func(c *guanke.Config) { c.Secret, c.Username, c.Password = "", "ops", "no" }, task.CodeSourceAuth, "GUANKE_PASSWORD"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := newClient(t, address, c.change)
			err := client.Check(t.Context())
			require.Equal(t, c.code, task.CodeOf(err))
			if c.code != "" {
				require.Contains(t, task.MessageOf(err), c.names)
				_, err = read(t.Context(), client, today)
				require.Equal(t, c.code, task.CodeOf(err))
			}
		})
	}
}

func TestCheckAsksEveryTime(t *testing.T) {
	t.Parallel()
	server, address := newSim(t, sim.Config{})
	c := newClient(t, address, nil)
	require.NoError(t, c.Check(t.Context()))
	require.NoError(t, server.SetFaults(sim.Faults{Status: 503, Scope: sim.ScopeToken}))
	require.Equal(t, task.CodeSourceUnavailable, task.CodeOf(c.Check(t.Context())))
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]guanke.Config{
		"no address":           {Secret: "x"},
		"no credentials":       {BaseURL: "http://a"},
		"user only":            {BaseURL: "http://a", Username: "u"},
		"no scheme":            {BaseURL: "a.example", Secret: "x"},
		"other scheme":         {BaseURL: "ftp://a", Secret: "x"},
		"no host":              {BaseURL: "http://", Secret: "x"},
		"not an address":       {BaseURL: "http://a:b:c/%zz", Secret: "x"},
		"query":                {BaseURL: "http://a?secret=1", Secret: "x"},
		"credentials in it":    {BaseURL: "http://u:p@a", Secret: "x"},
		"page size":            {BaseURL: "http://a", Secret: "x", PageSize: 1001},
		"negative page size":   {BaseURL: "http://a", Secret: "x", PageSize: -1},
		"negative time-out":    {BaseURL: "http://a", Secret: "x", Timeout: -1},
		"negative size":        {BaseURL: "http://a", Secret: "x", MaxBody: -1},
		"negative rate":        {BaseURL: "http://a", Secret: "x", RatePerSecond: -1},
		"negative concurrency": {BaseURL: "http://a", Secret: "x", Concurrency: -1},
	} {
		_, err := guanke.New(cfg)
		require.Equal(t, task.CodeInvalidArgument, task.CodeOf(err), name)
		require.NotContains(t, err.Error(), "secret=1")
	}
	c, err := guanke.New(guanke.Config{BaseURL: "http://a/prefix/", Secret: "x"})
	require.NoError(t, err)
	c.Close()
}

// An answer that holds a token which nobody can find in it is not shown.
func TestTokensThatAreNotFoundAreNotQuoted(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"token":"pl4nted-token"`, `{"token":"pl4nted-token"} {}`, `"pl4nted-token"x`, `{"code":200,"data":{"Token":"pl4nted-token"}}`,
		`pl4nted-token`, `token=pl4nted-token`,
	} {
		err := newClient(t, serve(t, text(body)), nil).Check(t.Context())
		require.Error(t, err)
		require.NotContains(t, fmt.Sprintf("%v %#v", err, err), "pl4nted", body)
	}
}
