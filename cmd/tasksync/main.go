// Command tasksync pulls outbound-call tasks from Guanke into PostgreSQL, on
// schedules and by hand, and matches them to their data packages.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"tasksync/internal/config"
	"tasksync/task"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := newRoot().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "错误："+explain(err))
		os.Exit(1)
	}
}

// explain is what a person at the terminal reads: the public message with its
// cause, which a log would hold elsewhere.
func explain(err error) string {
	var known *task.Error
	if errors.As(err, &known) {
		if known.Cause != nil {
			return fmt.Sprintf("%s（%v）", known.Message, known.Cause)
		}
		return known.Message
	}
	return err.Error()
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "tasksync",
		Short:         "从冠客同步外呼任务，匹配数据包，告诉运营发生了什么",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(
		newDev(), newAPI(), newWorker(), newMigrate(), newSimulate(),
		newSync(), newSource(), newSchedule(), newPackage(), newDoctor(),
	)
	return root
}

// settings reads the configuration and makes the process's logger, which
// writes to standard error.
func settings() (config.Config, *slog.Logger, error) {
	cfg, err := config.Load()
	if err != nil {
		return cfg, nil, err
	}
	options := &slog.HandlerOptions{Level: cfg.LogLevel}
	var handler slog.Handler = slog.NewTextHandler(os.Stderr, options)
	if cfg.LogFormat == "json" {
		handler = slog.NewJSONHandler(os.Stderr, options)
	}
	logger := slog.New(handler)
	slog.SetDefault(logger)
	return cfg, logger, nil
}

// quiet is the logger of commands that talk to a person: only what is wrong.
func quiet() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
}
