// Package app wires tasksync's processes: it is the only importer of fx. Each
// module provides what it owns; constructors elsewhere work without fx.
//
// OnStart hooks open listeners and start the worker and answer their errors;
// serving happens in the background, and a failure there ends the process with
// exit code 1.
package app

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"go.uber.org/fx"
	"go.uber.org/fx/fxevent"

	"tasksync/guanke/recording"
	"tasksync/internal/config"
	"tasksync/task"
)

const (
	startTimeout = 30 * time.Second
	// stopTimeout is longer than the worker's own and the HTTP server's.
	stopTimeout = 20 * time.Second
)

// holderName names this process as the guide's 锁定者.
type holderName string

// Process is one of tasksync's processes, ready to Run.
type Process = fx.App

// What the processes are made of.
var (
	apiModules       = []fx.Option{storeModule(false), temporalModule, runsModule, apiModule, pprofModule}
	workerModules    = []fx.Option{storeModule(true), temporalModule, runsModule, sourceModule, workerModule, pprofModule}
	simulatorModules = []fx.Option{simulatorModule}
)

// API is the process that answers REST.
func API(cfg config.Config, log *slog.Logger) *Process {
	return newApp(cfg, log, apiModules...)
}

// Worker is the process that does the runs.
func Worker(cfg config.Config, log *slog.Logger) *Process {
	return newApp(cfg, log, workerModules...)
}

// Simulator is the process that stands in for Guanke.
func Simulator(cfg config.Config, log *slog.Logger) *Process {
	return newApp(cfg, log, simulatorModules...)
}

// Replay is the process that answers as a recorded source did.
func Replay(cfg config.Config, log *slog.Logger, recorded *recording.Replay) *Process {
	return newApp(cfg, log, fx.Supply(recorded), replayModule)
}

func newApp(cfg config.Config, log *slog.Logger, modules ...fx.Option) *fx.App {
	return fx.New(options(cfg, log, modules...))
}

func options(cfg config.Config, log *slog.Logger, modules ...fx.Option) fx.Option {
	return fx.Options(
		fx.Supply(cfg, log),
		fx.Provide(func() holderName { return holderName(Holder()) }),
		fx.WithLogger(func() fxevent.Logger {
			l := &fxevent.SlogLogger{Logger: log}
			l.UseLogLevel(slog.LevelDebug)
			// Run answers what went wrong, once.
			l.UseErrorLevel(slog.LevelDebug)
			return l
		}),
		fx.StartTimeout(startTimeout),
		fx.StopTimeout(stopTimeout),
		fx.Options(modules...),
	)
}

// Run starts an app, waits for ctx or for the app's own end, and stops it. The
// error says why it could not start or why it ended by itself.
func Run(ctx context.Context, app *Process) error {
	starting, cancel := context.WithTimeout(ctx, app.StartTimeout())
	defer cancel()
	if err := app.Start(starting); err != nil {
		return err
	}
	var failure error
	select {
	case <-ctx.Done():
	case end := <-app.Wait():
		if end.ExitCode != 0 {
			failure = fmt.Errorf("ended by itself, see the log")
		}
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), app.StopTimeout())
	defer cancel()
	if err := app.Stop(stopping); err != nil {
		return err
	}
	return failure
}

// fail ends the process because a part of it failed after the start.
func fail(log *slog.Logger, shutdowner fx.Shutdowner, what string, err error) {
	log.Error(what+" ended", "error", err)
	if err := shutdowner.Shutdown(fx.ExitCode(1)); err != nil {
		log.Error("shutdown", "error", err)
	}
}

func invalid(format string, args ...any) error {
	return task.Errorf(task.CodeInvalidArgument, format, args...)
}
