package main

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"tasksync/db"
	"tasksync/guanke/recording"
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
	var replay string
	cmd := process("simulate", "启动模拟冠客，或重放录制的答复（--replay）", app.Simulator)
	simulate := cmd.RunE
	cmd.Example = "  tasksync simulate\n  tasksync simulate --replay ./录制"
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if replay == "" {
			return simulate(cmd, args)
		}
		cfg, logger, err := settings()
		if err != nil {
			return err
		}
		recorded, err := recording.Open(replay)
		if err != nil {
			return err
		}
		fmt.Fprint(cmd.ErrOrStderr(), replayAdvice(cfg, recorded, replay))
		return app.Run(cmd.Context(), app.Replay(cfg, logger, recorded))
	}
	cmd.Flags().StringVar(&replay, "replay", "", "重放这个目录里的录制（tasksync source record），而不是模拟")
	return cmd
}

// replayAdvice says how to ask the recording what was asked of the source.
func replayAdvice(cfg config.Config, recorded *recording.Replay, dir string) string {
	info := recorded.Info
	out := fmt.Sprintf("重放 %s：%d 个请求。在另一个终端设置：\n  export GUANKE_BASE_URL=http://%s%s GUANKE_API_SECRET=任意 GUANKE_USERNAME=任意 GUANKE_PASSWORD=任意\n",
		dir, len(recorded.Requests()), cfg.SimAddr, info.BasePath)
	if info.Mapping != "" {
		out += fmt.Sprintf("  export TASKSYNC_SOURCE_MAPPING=%s\n", filepath.Join(dir, info.Mapping))
	}
	if info.PageSize > 0 {
		out += fmt.Sprintf("  export TASKSYNC_PAGE_SIZE=%d\n", info.PageSize)
	}
	if !info.From.IsZero() {
		day := func(t time.Time) string { return t.In(cfg.Zone).Format("2006-01-02T15:04:05") }
		out += fmt.Sprintf("录制的时间窗口只有这一个：tasksync source check --from %s --to %s\n", day(info.From), day(info.To))
	}
	return out
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
