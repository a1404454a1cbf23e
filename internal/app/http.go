package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"go.uber.org/fx"

	"tasksync/api"
	"tasksync/db"
	"tasksync/guanke/recording"
	"tasksync/guanke/sim"
	"tasksync/internal/config"
	"tasksync/runs"
	"tasksync/task"
)

var apiModule = fx.Module("api", fx.Invoke(serveAPI))

func serveAPI(
	lc fx.Lifecycle, shutdowner fx.Shutdowner, cfg config.Config, logger *slog.Logger, store *db.Store, r *runs.Runs, h holderName,
) error {
	stopping := make(chan struct{})
	handler, err := api.New(api.Config{
		Addr: cfg.HTTPAddr, Zone: cfg.Zone, ManualWait: cfg.ManualWait, LockedBy: string(h),
		AllowedHosts: cfg.AllowedHosts, CORSOrigins: cfg.CORSOrigins, Stopping: stopping,
	}, store, r, logger)
	if err != nil {
		return err
	}
	// Hooks stop in reverse order: first the waiting calls are let go.
	serve(lc, shutdowner, logger, "api", "TASKSYNC_HTTP_ADDR", cfg.HTTPAddr, handler, cfg.ManualWait)
	lc.Append(fx.StopHook(func() { close(stopping) }))
	return nil
}

var simulatorModule = fx.Module("simulator", fx.Invoke(serveSimulator))

func serveSimulator(lc fx.Lifecycle, shutdowner fx.Shutdowner, cfg config.Config, logger *slog.Logger) error {
	simCfg, err := SimConfig(cfg)
	if err != nil {
		return err
	}
	server, err := sim.New(simCfg)
	if err != nil {
		return err
	}
	return serveSource(lc, shutdowner, cfg, logger, server)
}

var replayModule = fx.Module("replay", fx.Invoke(serveReplay))

func serveReplay(lc fx.Lifecycle, shutdowner fx.Shutdowner, cfg config.Config, logger *slog.Logger, recorded *recording.Replay) error {
	return serveSource(lc, shutdowner, cfg, logger, recorded)
}

func serveSource(lc fx.Lifecycle, shutdowner fx.Shutdowner, cfg config.Config, logger *slog.Logger, source http.Handler) error {
	if err := api.CheckAddr(cfg.SimAddr); err != nil {
		return invalid("TASKSYNC_SIM_ADDR=%s：模拟冠客只能监听本机地址，例如 127.0.0.1:9090", cfg.SimAddr)
	}
	serve(lc, shutdowner, logger, "simulator", "TASKSYNC_SIM_ADDR", cfg.SimAddr, source, simWriteTimeout)
	return nil
}

// simWriteTimeout leaves room for the slow answers that people ask for.
const simWriteTimeout = 10 * time.Minute

// SimConfig is the simulator of the settings. Its credentials are those that
// the worker uses.
func SimConfig(cfg config.Config) (sim.Config, error) {
	faults, err := sim.ParseFaults(cfg.SimFaults)
	if err != nil {
		return sim.Config{}, invalid("TASKSYNC_SIM_FAULTS 不对：%v", err)
	}
	return sim.Config{
		Seed: cfg.SimSeed, TasksPerDay: cfg.SimTasksPerDay, Secret: cfg.GuankeAPISecret.Reveal(),
		Username: cfg.GuankeUsername, Password: cfg.GuankePassword.Reveal(), Faults: faults, AllowedHosts: cfg.AllowedHosts,
	}, nil
}

const (
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 2 * time.Minute
	writeMargin       = 30 * time.Second
)

// serve listens when the app starts and serves in the background. setting is
// where addr comes from, and longest is how long a handler may take before it
// answers.
func serve(
	lc fx.Lifecycle, shutdowner fx.Shutdowner, logger *slog.Logger, name, setting, addr string, handler http.Handler, longest time.Duration,
) {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: time.Minute, IdleTimeout: idleTimeout,
		WriteTimeout: longest + writeMargin, ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
	lc.Append(fx.Hook{
		OnStart: func(ctx context.Context) error {
			var config net.ListenConfig
			listener, err := config.Listen(ctx, "tcp", addr)
			if err != nil {
				return task.Wrap(task.CodeInvalidArgument, err, "不能监听 %s：请结束占用这个端口的程序，或用 %s 换一个地址", addr, setting)
			}
			logger.Info(name+" is listening", "addr", listener.Addr().String())
			go func() {
				if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
					fail(logger, shutdowner, name, err)
				}
			}()
			return nil
		},
		OnStop: server.Shutdown,
	})
}
