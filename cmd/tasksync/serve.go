package main

import (
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"tasksync/db"
	"tasksync/internal/app"
	"tasksync/internal/config"
)

func newAPI() *cobra.Command {
	return process("api", "启动 REST API", app.API)
}

func newWorker() *cobra.Command {
	return process("worker", "启动 worker：建立定时任务并执行同步（可以启动多个）", app.Worker)
}

func newSimulate() *cobra.Command {
	return process("simulate", "启动模拟冠客", app.Simulator)
}

// process is a command that runs until it is told to stop.
func process(use, short string, build func(config.Config, *slog.Logger) *app.Process) *cobra.Command {
	return &cobra.Command{
		Use:   use,
		Short: short,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, logger, err := settings()
			if err != nil {
				return err
			}
			return app.Run(cmd.Context(), build(cfg, logger))
		},
	}
}

func newMigrate() *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "把数据库结构更新到最新",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, _, err := settings()
			if err != nil {
				return err
			}
			url, err := cfg.Database()
			if err != nil {
				return err
			}
			applied, err := db.Migrate(cmd.Context(), url)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "数据库结构已是最新（本次执行 %d 个迁移）\n", applied)
			return nil
		},
	}
}
