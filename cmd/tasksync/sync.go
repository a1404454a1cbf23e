package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/user"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"tasksync/db"
	"tasksync/internal/app"
	"tasksync/runs"
	"tasksync/task"
)

const (
	barEvery  = 300 * time.Millisecond
	lineEvery = 5 * time.Second
	barWidth  = 30
)

func newSync() *cobra.Command {
	var (
		output string
		wait   bool
	)
	cmd := &cobra.Command{
		Use:       "sync {historical|today}",
		Short:     "手动同步，并显示进度和结果",
		Example:   "  tasksync sync today\n  tasksync sync historical -o json",
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{string(task.Historical), string(task.Today)},
		RunE: func(cmd *cobra.Command, args []string) error {
			if output != "text" && output != "json" {
				return fmt.Errorf("-o %s 不对：应为 text 或 json", output)
			}
			return runSync(cmd.Context(), task.SyncType(args[0]), wait, output == "json", cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", "输出格式：text 或 json")
	cmd.Flags().BoolVar(&wait, "wait", true, "等待同步结束；Ctrl-C 只停止等待，同步继续")
	return cmd
}

func runSync(ctx context.Context, t task.SyncType, wait, asJSON bool, out io.Writer) error {
	cfg, _, err := settings()
	if err != nil {
		return err
	}
	store, err := app.OpenStore(ctx, cfg, false)
	if err != nil {
		return err
	}
	defer store.Close()
	temporal, err := app.NewTemporal(cfg, quiet())
	if err != nil {
		return err
	}
	defer temporal.Close()
	r := app.NewRuns(temporal, store, cfg, quiet())
	started, err := r.Start(ctx, task.StartRequest{Type: t, Trigger: task.Manual, LockedBy: app.Holder(), Actor: actor()})
	if err != nil {
		return err
	}
	if !wait {
		return report(out, asJSON, task.Record{ID: started.RecordID, Type: t, Status: task.Running})
	}
	if !asJSON {
		fmt.Fprintf(out, "%s同步已开始，记录 %d\n", t.Label(), started.RecordID)
	}
	if err := watch(ctx, r, store, t, started, asJSON); err != nil {
		return err
	}
	rec, err := store.Record(ctx, started.RecordID)
	if err != nil {
		return err
	}
	if err := report(out, asJSON, rec); err != nil {
		return err
	}
	if rec.Status == task.Failed || rec.Status == task.Canceled {
		return task.Errorf(rec.ErrorType, "同步%s：%s", rec.Status.Label(), rec.ErrorMessage)
	}
	return nil
}

// actor is who started a run from the command line.
func actor() string {
	u, err := user.Current()
	if err != nil {
		return "cli"
	}
	return "cli:" + u.Username
}

// watch shows the run's progress on standard error until it ends: a bar on a
// terminal, lines elsewhere, nothing where the result is JSON.
func watch(ctx context.Context, r *runs.Runs, store *db.Store, t task.SyncType, started task.Started, asJSON bool) error {
	done := make(chan error, 1)
	go func() { done <- r.Wait(ctx, t, started.RunID) }()
	terminal := isatty.IsTerminal(os.Stderr.Fd())
	every := lineEvery
	if terminal {
		every = barEvery
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			if terminal && !asJSON {
				fmt.Fprint(os.Stderr, "\r\033[K")
			}
			return err
		case <-tick.C:
			if asJSON {
				continue
			}
			p, err := store.Progress(ctx, started.RecordID)
			if err != nil {
				// The run goes on; the next tick asks again.
				continue
			}
			if terminal {
				fmt.Fprint(os.Stderr, "\r\033[K"+bar(p))
			} else {
				fmt.Fprintf(os.Stderr, "已拉取 %d 个任务，已处理 %d 个\n", p.Fetched, p.Stored)
			}
		}
	}
}

func bar(p task.Progress) string {
	if p.SourceTotal == nil || *p.SourceTotal == 0 {
		return fmt.Sprintf("已拉取 %d，已处理 %d", p.Fetched, p.Stored)
	}
	filled := min(barWidth, barWidth*p.Stored / *p.SourceTotal)
	line := make([]rune, barWidth)
	for i := range line {
		line[i] = '░'
		if i < filled {
			line[i] = '█'
		}
	}
	return fmt.Sprintf("%s %d/%d", string(line), p.Stored, *p.SourceTotal)
}

// report prints a record, with the guide's summary.
func report(out io.Writer, asJSON bool, rec task.Record) error {
	if asJSON {
		body := map[string]any{
			"success":   rec.Status == task.Success || rec.Status == task.Partial,
			"record_id": rec.ID, "sync_type": rec.Type, "status": rec.Status,
		}
		if rec.Status == task.Running {
			body["success"] = true
		} else {
			body["summary"] = map[string]int{
				"total": rec.Counts.Total, "new": rec.Counts.New, "updated": rec.Counts.Updated, "matched": rec.Counts.Matched,
				"pending": rec.Counts.Pending, "failed": rec.Counts.Failed, "duration": rec.Duration(),
			}
		}
		if rec.ErrorType != "" {
			body["error"], body["error_type"] = rec.ErrorMessage, rec.ErrorType
		}
		if len(rec.Warnings) > 0 {
			body["warnings"] = rec.Warnings
		}
		return json.NewEncoder(out).Encode(body)
	}
	c := rec.Counts
	if rec.Status == task.Running {
		_, err := fmt.Fprintf(out, "%s同步已开始，记录 %d\n", rec.Type.Label(), rec.ID)
		return err
	}
	_, err := fmt.Fprintf(out, "%s：共 %d 个任务，新增 %d，更新 %d（未变 %d），已匹配 %d，待匹配 %d，失败 %d，闲散 %d，耗时 %.1f 秒\n",
		rec.Status.Label(), c.Total, c.New, c.Updated, c.Unchanged, c.Matched, c.Pending, c.Failed, c.Idle, float64(rec.DurationMS())/1000)
	if err != nil {
		return err
	}
	if rec.ErrorMessage != "" && (rec.Status == task.Success || rec.Status == task.Partial) {
		// Of the others the command's own error tells it.
		if _, err := fmt.Fprintln(out, rec.ErrorMessage); err != nil {
			return err
		}
	}
	for i, d := range rec.ErrorDetails {
		if i == 10 {
			_, err = fmt.Fprintf(out, "  …另有 %d 个，见 GET /api/sync/records/%d\n", len(rec.ErrorDetails)-i, rec.ID)
			return err
		}
		if _, err := fmt.Fprintf(out, "  %s %s：%s\n", d.TaskID, d.TaskName, d.Error); err != nil {
			return err
		}
	}
	return nil
}
