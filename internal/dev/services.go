package dev

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"tasksync/guanke/mapping"
	"tasksync/guanke/sim"
	"tasksync/internal/dev/child"
	"tasksync/internal/dev/temporal"
)

// startTemporal starts the development server unless the environment names
// another one.
func (r *run) startTemporal(ctx context.Context) error {
	options, err := r.Config.TemporalOptions()
	if err != nil {
		return err
	}
	options.Logger = log.NewStructuredLogger(slog.New(slog.NewTextHandler(io.Discard, nil)))
	if r.Config.TemporalExternal() {
		r.services.TemporalAddress = options.HostPort
		ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		if err := reachTemporal(options)(ctx); err != nil {
			return fmt.Errorf("连接不上 Temporal（%s，见 TEMPORAL_ADDRESS）：%w", options.HostPort, err)
		}
		return nil
	}
	bin, err := temporal.Find(r.Root)
	if err != nil {
		return err
	}
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(r.Config.TemporalPort))
	r.services.TemporalAddress = address
	r.services.TemporalUIURL = "http://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(r.Config.TemporalUIPort))
	// Explicit, so that no temporal.toml changes it.
	r.env["TEMPORAL_ADDRESS"] = address
	r.env["TEMPORAL_NAMESPACE"] = temporal.Namespace
	s := r.spec("temporal")
	s.Path, s.Env = bin, r.environ()
	s.Args = temporal.Server{
		Port: r.Config.TemporalPort, UIPort: r.Config.TemporalUIPort,
		File: filepath.Join(r.Config.DataDir, "temporal.db"),
	}.Args()
	// It warns of much that is normal for one server on one machine.
	s.Show = child.Fatal
	return r.children.Start(ctx, s, r.StartTimeout, reachTemporal(options))
}

func reachTemporal(options client.Options) func(context.Context) error {
	return func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		c, err := client.DialContext(ctx, options)
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = c.CheckHealth(ctx, &client.CheckHealthRequest{})
		return err
	}
}

// startSource starts the simulator unless a Guanke is named.
func (r *run) startSource(ctx context.Context) error {
	if r.Config.GuankeBaseURL != "" {
		r.services.SourceURL = r.Config.GuankeBaseURL
		m, err := mapping.Load(r.Config.SourceMapping)
		if err != nil {
			return err
		}
		_, err = m.Auth.Way(mapping.Credentials{
			Secret: r.Config.GuankeAPISecret.Reveal(), Username: r.Config.GuankeUsername, Password: r.Config.GuankePassword.Reveal(),
		})
		return err
	}
	if r.Config.SourceMapping != "" {
		return errors.New("设置了 TASKSYNC_SOURCE_MAPPING，还要用 GUANKE_BASE_URL 写明数据源的地址；要用模拟冠客，请去掉 TASKSYNC_SOURCE_MAPPING")
	}
	url, err := urlOf(r.Config.SimAddr)
	if err != nil {
		return err
	}
	r.services.SourceURL, r.services.Simulated = url, true
	r.env["GUANKE_BASE_URL"] = url
	r.env["GUANKE_API_SECRET"] = sim.DefaultSecret
	return r.children.Start(ctx, r.command("simulate"), r.StartTimeout, answers(url+"/_sim/clock"))
}

func (r *run) migrate(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 5*time.Minute, errors.New("migrate 在 5 分钟内没有完成，日志："+r.logFile("migrate")))
	defer cancel()
	return r.children.Run(ctx, r.command("migrate"))
}

// startWorkerAndAPI starts both; the API is ready when a worker polls.
func (r *run) startWorkerAndAPI(ctx context.Context) error {
	url, err := urlOf(r.Config.HTTPAddr)
	if err != nil {
		return err
	}
	r.services.APIURL = url
	if err := r.children.Start(ctx, r.command("worker"), r.StartTimeout, nil); err != nil {
		return err
	}
	return r.children.Start(ctx, r.command("api"), r.StartTimeout, answers(url+"/readyz"))
}
