package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"tasksync/guanke/check"
	"tasksync/internal/app"
	"tasksync/internal/config"
	"tasksync/task"
)

// errUnhealthy ends `source check` with exit code 1 after its report.
var errUnhealthy = errors.New("数据源有问题，见上面带 ✗ 的步骤")

func newSource() *cobra.Command {
	cmd := &cobra.Command{Use: "source", Short: "检查数据源和映射，录制数据源的答复"}
	cmd.AddCommand(newSourceCheck(), newSourceRecord())
	return cmd
}

// sourceFlags are those that both commands have.
type sourceFlags struct{ from, to, mapping string }

func (f *sourceFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.from, "from", "", "时间窗口的起点（含），例如 2026-11-20 或 2026-11-20T10:00:00；默认三天前 0:00")
	cmd.Flags().StringVar(&f.to, "to", "", "时间窗口的终点（不含）；默认今天 0:00")
	cmd.Flags().StringVar(&f.mapping, "mapping", "", "用这个映射文件，代替 TASKSYNC_SOURCE_MAPPING")
}

// source reads the settings and the flags.
func (f *sourceFlags) source() (config.Config, check.Config, error) {
	cfg, _, err := settings()
	if err != nil {
		return cfg, check.Config{}, err
	}
	if f.mapping != "" {
		cfg.SourceMapping = f.mapping
	}
	if cfg, err = app.WithDevSource(cfg); err != nil {
		return cfg, check.Config{}, err
	}
	var out check.Config
	if out.Window, err = f.window(time.Now(), cfg.Zone); err != nil {
		return cfg, out, err
	}
	out.Source, err = app.SourceConfig(cfg)
	return cfg, out, err
}

// window is that of the flags; what they do not say is the history's.
func (f *sourceFlags) window(now time.Time, zone *time.Location) (task.Window, error) {
	w := task.WindowAt(task.Historical, now, zone)
	for _, flag := range []struct {
		name, text string
		into       *time.Time
	}{{"--from", f.from, &w.From}, {"--to", f.to, &w.To}} {
		if flag.text == "" {
			continue
		}
		t, ok := parseTime(flag.text, zone)
		if !ok {
			return w, fmt.Errorf("%s %q 不是时间，应形如 2026-11-20、2026-11-20T10:00:00 或 2026-11-20T10:00:00+08:00", flag.name, flag.text)
		}
		*flag.into = t
	}
	if !w.From.Before(w.To) {
		return w, fmt.Errorf("--from（%s）应早于 --to（%s）", w.From.Format(time.DateTime), w.To.Format(time.DateTime))
	}
	return w, nil
}

func parseTime(text string, zone *time.Location) (time.Time, bool) {
	for _, layout := range [...]string{time.RFC3339, "2006-01-02T15:04:05", time.DateTime, "2006-01-02T15:04", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func newSourceCheck() *cobra.Command {
	var (
		flags  sourceFlags
		output string
	)
	cmd := &cobra.Command{
		Use:     "check",
		Short:   "逐步检查连接、令牌、翻页、时间窗口和映射，并说明怎样改",
		Example: "  tasksync source check\n  tasksync source check --from 2026-11-20 --to 2026-11-23 --mapping my.yaml\n  tasksync source check -o json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != "text" && output != "json" {
				return fmt.Errorf("-o %s 不对：应为 text 或 json", output)
			}
			cfg, what, err := flags.source()
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			if output == "text" {
				what.Done = func(s check.Step) { s.Print(out) }
			}
			report := check.Run(cmd.Context(), what)
			if err := cmd.Context().Err(); err != nil {
				return err
			}
			if output == "json" {
				encoder := json.NewEncoder(out)
				encoder.SetIndent("", "  ")
				if err := encoder.Encode(report); err != nil {
					return err
				}
			} else {
				check.PrintSample(out, report.Sample, cfg.Zone)
			}
			if !report.OK {
				return errUnhealthy
			}
			return nil
		},
	}
	flags.add(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "text", "输出格式：text 或 json")
	return cmd
}

func newSourceRecord() *cobra.Command {
	var (
		flags sourceFlags
		dir   string
		pages int
	)
	cmd := &cobra.Command{
		Use:     "record --dir 目录",
		Short:   "把数据源的答复存成文件，去掉密钥和令牌，好交给别人看",
		Example: "  tasksync source record --dir ./录制 --from 2026-11-20 --to 2026-11-23 --pages 20",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if pages < 1 {
				return fmt.Errorf("--pages %d 不对：应大于 0", pages)
			}
			cfg, what, err := flags.source()
			if err != nil {
				return err
			}
			record := check.RecordConfig{Config: what, Dir: dir, Pages: pages}
			if cfg.SourceMapping != "" {
				text, err := os.ReadFile(cfg.SourceMapping)
				if err != nil {
					return err
				}
				record.MappingText = string(text)
			}
			out, err := check.Record(cmd.Context(), record)
			if err != nil {
				return err
			}
			return reportRecorded(cmd.OutOrStdout(), dir, out)
		},
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&dir, "dir", "", "存到这个目录（会新建；已有的要是空的）")
	cmd.Flags().IntVar(&pages, "pages", 20, "最多读多少页")
	if err := cmd.MarkFlagRequired("dir"); err != nil {
		panic(err)
	}
	return cmd
}

func reportRecorded(out io.Writer, dir string, r check.Recorded) error {
	text := fmt.Sprintf("已把 %d 个答复存到 %s（%d 页，%d 条，其中有效任务 %d 条）\n", r.Answers, dir, r.Pages, r.Entries, r.Tasks)
	if r.More {
		text += "后面还有页没有录制；需要时加大 --pages\n"
	}
	if r.Ended != nil {
		text += "读到一半出错，出错的答复也存下了：" + task.MessageOf(r.Ended) + "\n"
	}
	text += "密钥和令牌已去掉，任务内容是原样的，请妥善保管。重放：tasksync simulate --replay " + dir + "\n"
	_, err := io.WriteString(out, text)
	return err
}
