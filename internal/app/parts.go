package app

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.uber.org/fx"

	"tasksync/db"
	"tasksync/guanke"
	"tasksync/guanke/mapping"
	"tasksync/guanke/sim"
	"tasksync/internal/config"
	"tasksync/runs"
	"tasksync/schedule"
	"tasksync/task"
)

// spareConns are the connections beside those of the batches in flight.
const spareConns = 6

// Holder names this process as the guide names who holds a lock: host-pid.
func Holder() string {
	host, err := os.Hostname()
	if err != nil {
		host = ""
	}
	return task.Holder(host, os.Getpid())
}

// OpenStore opens the store. worker is for the store of a worker, see db.Config.
func OpenStore(ctx context.Context, cfg config.Config, worker bool) (*db.Store, error) {
	url, err := cfg.Database()
	if err != nil {
		return nil, err
	}
	config := db.Config{URL: url, MaxConns: cfg.UpsertConnections + spareConns, Worker: worker}
	if worker {
		config.WarmConns = cfg.UpsertConnections
	}
	return db.Open(ctx, config)
}

func storeModule(worker bool) fx.Option {
	return fx.Module("store", fx.Provide(func(lc fx.Lifecycle, cfg config.Config) (*db.Store, error) {
		store, err := OpenStore(context.Background(), cfg, worker)
		if err != nil {
			return nil, err
		}
		lc.Append(fx.StopHook(store.Close))
		return store, nil
	}))
}

// NewTemporal makes a client that connects when it is first used.
func NewTemporal(cfg config.Config, logger *slog.Logger) (client.Client, error) {
	options, err := cfg.TemporalOptions()
	if err != nil {
		return nil, err
	}
	options.Logger = log.NewStructuredLogger(logger)
	options.Identity = Holder()
	return client.NewLazyClient(options)
}

var temporalModule = fx.Module("temporal", fx.Provide(func(lc fx.Lifecycle, cfg config.Config, logger *slog.Logger) (client.Client, error) {
	c, err := NewTemporal(cfg, logger)
	if err != nil {
		return nil, err
	}
	lc.Append(fx.StopHook(c.Close))
	return c, nil
}))

// NewRuns makes the adapter that starts, watches and cancels runs.
func NewRuns(c client.Client, ids runs.RecordIDs, cfg config.Config, logger *slog.Logger) *runs.Runs {
	return runs.New(c, ids, runs.Config{LockTimeout: cfg.LockTimeout, Zone: cfg.Zone, Log: logger})
}

var runsModule = fx.Module("runs", fx.Provide(func(c client.Client, store *db.Store, cfg config.Config, logger *slog.Logger) *runs.Runs {
	return NewRuns(c, store, cfg, logger)
}))

// NewSchedules makes the schedules of the settings.
func NewSchedules(c client.Client, cfg config.Config) *schedule.Schedules {
	return schedule.New(c, scheduleConfig(cfg))
}

func scheduleConfig(cfg config.Config) schedule.Config {
	return schedule.Config{
		Historical: cfg.ScheduleHistorical, Today: cfg.ScheduleToday, Zone: cfg.Zone,
		Housekeeping: cfg.Housekeeping, LockTimeout: cfg.LockTimeout,
	}
}

// StartupLines are the guide's three lines, made from the settings.
func StartupLines(cfg config.Config) []string { return schedule.StartupLines(scheduleConfig(cfg)) }

// sourceTimeout bounds one request to Guanke.
const sourceTimeout = 30 * time.Second

// SourceConfig is the source that the settings describe.
func SourceConfig(cfg config.Config) (guanke.Config, error) {
	if cfg.GuankeBaseURL == "" {
		return guanke.Config{}, invalid("没有设置冠客接口：请设置 GUANKE_BASE_URL，以及凭据 GUANKE_API_SECRET，或 GUANKE_USERNAME 和 GUANKE_PASSWORD（映射写明不登录时不用）")
	}
	m, err := mapping.Load(cfg.SourceMapping)
	if err != nil {
		return guanke.Config{}, invalid("%v", err)
	}
	return guanke.Config{
		BaseURL: cfg.GuankeBaseURL, Mapping: m, Secret: cfg.GuankeAPISecret.Reveal(), Username: cfg.GuankeUsername,
		Password: cfg.GuankePassword.Reveal(), PageSize: cfg.PageSize, Timeout: sourceTimeout, RatePerSecond: cfg.GuankeRate,
	}, nil
}

// WithDevSource names dev's simulator as the source where the settings name
// none and a `tasksync dev` runs beside. It is for commands that look at the
// source; a worker wants its source named.
func WithDevSource(cfg config.Config) (config.Config, error) {
	if cfg.GuankeBaseURL != "" || cfg.DatabaseURL != "" || cfg.SourceMapping != "" {
		return cfg, nil
	}
	if _, err := os.Stat(cfg.DatabaseFile()); err != nil {
		return cfg, nil //nolint:nilerr // No dev runs here.
	}
	host, port, err := net.SplitHostPort(cfg.SimAddr)
	if err != nil {
		return cfg, invalid("TASKSYNC_SIM_ADDR=%s 应形如 127.0.0.1:9090", cfg.SimAddr)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	cfg.GuankeBaseURL, cfg.GuankeAPISecret = "http://"+net.JoinHostPort(host, port), sim.DefaultSecret
	return cfg, nil
}

// NewSource makes the client of the source that the settings describe. It asks
// nothing of the source.
func NewSource(cfg config.Config) (*guanke.Client, error) {
	source, err := SourceConfig(cfg)
	if err != nil {
		return nil, err
	}
	c, err := guanke.New(source)
	if err != nil {
		return nil, fmt.Errorf("guanke: %w", err)
	}
	return c, nil
}

var sourceModule = fx.Module("source", fx.Provide(func(lc fx.Lifecycle, cfg config.Config) (*guanke.Client, error) {
	c, err := NewSource(cfg)
	if err != nil {
		return nil, err
	}
	lc.Append(fx.StopHook(c.Close))
	return c, nil
}))
