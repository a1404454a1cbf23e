package dev_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tasksync/internal/config"
	"tasksync/internal/dev"
	"tasksync/internal/dev/child"
)

// environ is the environment of this process.
var environ = func() map[string]string {
	all := map[string]string{}
	for _, kv := range os.Environ() {
		name, value, _ := strings.Cut(kv, "=")
		all[name] = value
	}
	return all
}()

// fakeVariable turns the test binary into tasksync.
const fakeVariable = "DEV_TEST_FAKE"

// homeVariable is Options.Home of a supervisor in a process of its own.
const homeVariable = "DEV_TEST_HOME"

// ignoreVariable names a child that does not end when it is asked to.
const ignoreVariable = "DEV_TEST_IGNORE_TERM"

func TestMain(m *testing.M) {
	if environ[fakeVariable] == "" {
		os.Exit(m.Run())
	}
	fake(os.Args[1])
}

// fake is a tasksync that only shows what the supervisor does with it.
func fake(name string) {
	data := environ["TASKSYNC_DATA_DIR"]
	note := func(file, line string) {
		f, err := os.OpenFile(filepath.Join(data, file), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			panic(err)
		}
		defer f.Close()
		fmt.Fprintln(f, line)
	}
	if name == "dev" {
		fakeDev()
		return
	}
	note("env."+name, "DATABASE_URL="+environ["DATABASE_URL"]+" TEMPORAL_ADDRESS="+environ["TEMPORAL_ADDRESS"]+
		" GUANKE_BASE_URL="+environ["GUANKE_BASE_URL"]+" GUANKE_API_SECRET="+environ["GUANKE_API_SECRET"]+" TASKSYNC_SOURCE_MAPPING="+environ["TASKSYNC_SOURCE_MAPPING"])
	note("started", name)
	if _, err := os.Stat(filepath.Join(data, "crash."+name)); err == nil {
		slog.Error("about to crash", "child", name)
		os.Exit(3)
	}
	mux := http.NewServeMux()
	addr := ""
	switch name {
	case "migrate":
		return
	case "simulate":
		addr = environ["TASKSYNC_SIM_ADDR"]
		mux.HandleFunc("GET /_sim/clock", func(http.ResponseWriter, *http.Request) {})
	case "worker":
		slog.Info("not to be seen on the terminal")
	case "api":
		addr = environ["TASKSYNC_HTTP_ADDR"]
		mux.HandleFunc("GET /readyz", func(http.ResponseWriter, *http.Request) {})
		mux.HandleFunc("GET /warn", func(http.ResponseWriter, *http.Request) { slog.Warn("look here") })
		mux.HandleFunc("POST /api/sync/{type}/manual", func(w http.ResponseWriter, r *http.Request) {
			note("synced", r.PathValue("type"))
			fmt.Fprint(w, `{"success":true,"record_id":1,"summary":{"total":85,"new":12,"updated":73,"matched":80,"pending":5,"failed":0,"duration":15}}`)
		})
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if addr != "" {
		go func() { panic(http.ListenAndServe(addr, mux)) }()
	}
	<-ctx.Done()
	if environ[ignoreVariable] == name {
		note("ignored", name)
		select {}
	}
	note("ended", name)
}

// fakeDev runs the supervisor in a process of its own, so that it can be
// killed.
func fakeDev() {
	cfg, err := config.Load()
	if err == nil {
		err = dev.Run(context.Background(), dev.Options{Config: cfg, Out: os.Stdout, Policy: quick, Home: environ[homeVariable]})
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

var quick = child.Policy{Limit: 3, Backoff: time.Millisecond}

// await polls until the condition holds.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("did not happen: %s", what)
}
