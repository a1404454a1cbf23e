package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"tasksync/db"
	"tasksync/guanke/sim"
	"tasksync/internal/app"
	"tasksync/internal/config"
	"tasksync/internal/dev"
)

// The simulator's packages are registered for these days around today, so that
// its tasks match for weeks to come.
const (
	seedDaysBack  = 30
	seedDaysAhead = 60
)

func newDev() *cobra.Command {
	return &cobra.Command{
		Use:   "dev",
		Short: "在本机启动全部：PostgreSQL、Temporal、模拟冠客、worker、API（即 make run）",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, _, err := settings()
			if err != nil {
				return err
			}
			return dev.Run(cmd.Context(), dev.Options{
				Config: cfg,
				Out:    cmd.OutOrStdout(),
				Seed: func(ctx context.Context, s dev.Services) error {
					return seed(ctx, cfg, s.DatabaseURL)
				},
				StartupLines: func() []string { return app.StartupLines(cfg) },
			})
		},
	}
}

// seed registers the simulator's packages.
func seed(ctx context.Context, cfg config.Config, databaseURL string) error {
	simCfg, err := app.SimConfig(cfg)
	if err != nil {
		return err
	}
	store, err := db.Open(ctx, db.Config{URL: databaseURL})
	if err != nil {
		return err
	}
	defer store.Close()
	today := time.Now().In(cfg.Zone)
	_, _, err = store.SavePackages(ctx, sim.Packages(simCfg, today.AddDate(0, 0, -seedDaysBack), today.AddDate(0, 0, seedDaysAhead)))
	return err
}
