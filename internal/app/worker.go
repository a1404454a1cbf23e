package app

import (
	"context"
	"log/slog"
	"math"
	"runtime/debug"
	"time"

	"go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"
	"go.uber.org/fx"

	"tasksync/activities"
	"tasksync/db"
	"tasksync/guanke"
	"tasksync/internal/config"
	"tasksync/match"
	"tasksync/runs"
	"tasksync/schedule"
	"tasksync/task"
	"tasksync/worker"
)

// The worker's share of memory, unless GOGC or GOMEMLIMIT says otherwise: the
// heap may grow to three times what is live, which saves a sixth of a run's
// processor time, but not beyond what a run of a million tasks needs.
const (
	gcPercent   = 200
	memoryLimit = 100 << 20
)

func limitMemory() {
	if debug.SetMemoryLimit(-1) == math.MaxInt64 {
		debug.SetMemoryLimit(memoryLimit)
	}
	const unset = 100
	if before := debug.SetGCPercent(gcPercent); before != unset {
		debug.SetGCPercent(before)
	}
}

// workerStop is how long a stopping worker waits for its activities.
const workerStop = 10 * time.Second

var workerModule = fx.Module("worker",
	fx.Provide(newActivities, NewSchedules, newWorker),
	fx.Invoke(func(sdkworker.Worker) {}),
)

func newActivities(cfg config.Config, store *db.Store, source *guanke.Client, r *runs.Runs, h holderName) *activities.Activities {
	return activities.New(activities.Config{
		Zone:        cfg.Zone,
		LockedBy:    string(h),
		MaxRetries:  cfg.MaxRetries,
		BatchSize:   cfg.BatchSize,
		Connections: cfg.UpsertConnections,
		Retention:   cfg.Retention,
		NormVersion: match.NormVersion,
		NewMatcher: func(version int64, packages []task.Package) activities.Matcher {
			return match.NewIndex(version, packages)
		},
	}, store, source, r)
}

func newWorker(
	lc fx.Lifecycle, shutdowner fx.Shutdowner, cfg config.Config, logger *slog.Logger,
	c client.Client, a *activities.Activities, schedules *schedule.Schedules,
) (sdkworker.Worker, error) {
	options, err := cfg.TemporalOptions()
	if err != nil {
		return nil, err
	}
	w := worker.New(c, worker.Config{
		StopTimeout: workerStop,
		OnFatal:     func(err error) { fail(logger, shutdowner, "worker", err) },
	}, a)
	ensure := func(ctx context.Context) error {
		if err := worker.EnsureSearchAttributes(ctx, c, options.Namespace); err != nil {
			return err
		}
		return schedules.Ensure(ctx)
	}
	keeping, stop := context.WithCancel(context.Background())
	lc.Append(fx.Hook{
		OnStart: func(ctx context.Context) error {
			limitMemory()
			if err := ensure(ctx); err != nil {
				return err
			}
			if err := w.Start(); err != nil {
				return err
			}
			go func() {
				if err := keep(keeping, min(keepEvery, cfg.Housekeeping), logger, schedules.Lost, ensure); err != nil {
					fail(logger, shutdowner, "worker", err)
				}
			}()
			for _, line := range StartupLines(cfg) {
				logger.Info(line)
			}
			return nil
		},
		OnStop: func(context.Context) error {
			stop()
			w.Stop()
			return nil
		},
	})
	return w, nil
}

// keepEvery is how often a worker looks whether Temporal still has what it
// needs.
const keepEvery = 5 * time.Second

// keep makes the schedules and the search attributes again where Temporal has
// lost them, until ctx ends: without them no run starts, and none that was lost
// with them is closed. The error is what only a person can mend, such as a
// namespace that is gone.
func keep(
	ctx context.Context, every time.Duration, logger *slog.Logger, lost func(context.Context) (bool, error), ensure func(context.Context) error,
) error {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		// That Temporal is away shows elsewhere.
		if gone, err := lost(ctx); err != nil || !gone {
			continue
		}
		logger.Warn("Temporal has lost the schedules: they are made again, with the search attributes")
		err := ensure(ctx)
		switch {
		case task.CodeOf(err) == task.CodeInvalidArgument:
			return err
		case err != nil && ctx.Err() == nil:
			logger.Error("cannot make the schedules again", "error", err)
		}
	}
}
