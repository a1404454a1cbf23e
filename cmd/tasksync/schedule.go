package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"tasksync/internal/app"
	"tasksync/internal/config"
	"tasksync/schedule"
)

func newSchedule() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "schedule",
		Short: "查看、暂停、恢复、触发定时任务",
	}
	var note string
	pause := onSchedule("pause ID", "暂停定时任务", "已暂停", func(ctx context.Context, s *schedule.Schedules, id string) error {
		return s.Pause(ctx, id, note)
	})
	pause.Flags().StringVar(&note, "note", "由 tasksync schedule pause 暂停", "说明，在 Temporal Web UI 可见")
	resume := onSchedule("resume ID", "恢复定时任务", "已恢复", func(ctx context.Context, s *schedule.Schedules, id string) error {
		return s.Resume(ctx, id, note)
	})
	resume.Flags().StringVar(&note, "note", "由 tasksync schedule resume 恢复", "说明，在 Temporal Web UI 可见")
	trigger := onSchedule("trigger ID", "立即触发一次（暂停中也可以）", "已触发", func(ctx context.Context, s *schedule.Schedules, id string) error {
		return s.Trigger(ctx, id)
	})
	cmd.AddCommand(newScheduleList(), pause, resume, trigger)
	return cmd
}

func newScheduleList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "列出定时任务、下一次和上一次时间",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withSchedules(cmd.Context(), func(ctx context.Context, cfg config.Config, s *schedule.Schedules) error {
				states, err := s.List(ctx)
				if err != nil {
					return err
				}
				w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
				fmt.Fprintln(w, "ID\tCRON\t状态\t下一次\t上一次\t说明")
				for _, st := range states {
					state, cron := "运行中", st.Cron
					if st.Paused {
						state = "已暂停"
					}
					if cron == "" {
						cron = "每 " + plain(cfg.Housekeeping)
					}
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", st.ID, cron, state, first(st.Next, cfg.Zone), first(st.LastActions, cfg.Zone), st.Note)
				}
				return w.Flush()
			})
		},
	}
}

// plain writes 5m, not 5m0s.
func plain(d time.Duration) string {
	s := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(s, zero) {
			s = s[:len(s)-2]
		}
	}
	return s
}

func first(times []time.Time, zone *time.Location) string {
	if len(times) == 0 {
		return "-"
	}
	return times[0].In(zone).Format(time.DateTime)
}

func onSchedule(use, short, done string, do func(context.Context, *schedule.Schedules, string) error) *cobra.Command {
	return &cobra.Command{
		Use:       use,
		Short:     short,
		Long:      short + "。ID 为 " + strings.Join(schedule.IDs(), "、"),
		Args:      cobra.ExactArgs(1),
		ValidArgs: schedule.IDs(),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withSchedules(cmd.Context(), func(ctx context.Context, _ config.Config, s *schedule.Schedules) error {
				if err := do(ctx, s, args[0]); err != nil {
					return err
				}
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s %s\n", done, args[0])
				return err
			})
		},
	}
}

func withSchedules(ctx context.Context, do func(context.Context, config.Config, *schedule.Schedules) error) error {
	cfg, _, err := settings()
	if err != nil {
		return err
	}
	temporal, err := app.NewTemporal(cfg, quiet())
	if err != nil {
		return err
	}
	defer temporal.Close()
	return do(ctx, cfg, app.NewSchedules(temporal, cfg))
}
