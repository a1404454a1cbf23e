package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"tasksync/doctor"
	"tasksync/internal/app"
	"tasksync/internal/config"
)

func newDoctor() *cobra.Command {
	var (
		output string
		fix    bool
	)
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "体检：核对设置、数据库、Temporal、定时任务和同步记录，说明差异，能修的用 --fix 修",
		Long: "体检：核对设置、数据库、Temporal、冠客、定时任务和同步记录，逐条说明哪里不对、有什么影响、怎么办。\n" +
			"不加 --fix 时只看不改。--fix 会：更新数据库结构、登记 search attribute、建立或更新定时任务（保留暂停）、\n" +
			"用 Temporal 的真实原因关闭已丢失的运行、把落后的记录编号和数据包版本移到前面、清除用不到的中间数据。\n" +
			"它不会取消仍在执行的运行，不会恢复人暂停的定时任务，也不会改动任务。\n" +
			"某一部分不可用时，跳过与它有关的检查，其余照常。对冠客只取一次令牌，不拉取数据。\n" +
			"没有错误时退出码为 0（警告不算），否则为 1。",
		Example: "  tasksync doctor\n  tasksync doctor --fix\n  tasksync doctor -o json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != "text" && output != "json" {
				return fmt.Errorf("-o %s 不对：应为 text 或 json", output)
			}
			cfg, invalid := config.Load()
			report := app.Doctor(cmd.Context(), cfg, invalid, fix)
			if err := showReport(cmd.OutOrStdout(), report, output == "json", fix); err != nil {
				return err
			}
			if !report.Healthy() {
				return fmt.Errorf("还有 %d 个问题没有解决", report.Errors)
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", "输出格式：text 或 json")
	cmd.Flags().BoolVar(&fix, "fix", false, "修复能修的问题")
	return cmd
}

func showReport(out io.Writer, r doctor.Report, asJSON, fix bool) error {
	if asJSON {
		e := json.NewEncoder(out)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	fixable := 0
	for _, f := range r.Findings {
		fmt.Fprintf(out, "%s %s：%s\n", mark(f), f.Check, f.What)
		if f.Fixed {
			continue
		}
		for _, line := range []struct{ name, text string }{{"影响", f.Why}, {"怎么办", f.How}, {"没有修好", f.FixError}} {
			if line.text != "" {
				fmt.Fprintf(out, "     %s：%s\n", line.name, line.text)
			}
		}
		if f.Fixable {
			fixable++
		}
	}
	for _, s := range r.Skipped {
		fmt.Fprintf(out, "➖ %s：没有检查，因为%s不可用\n", s.Check, s.Because)
	}
	fmt.Fprintf(out, "\n%d 个错误，%d 个警告，修复了 %d 个\n", r.Errors, r.Warnings, r.Fixed)
	if fixable > 0 && !fix {
		fmt.Fprintf(out, "其中 %d 个可以用 tasksync doctor --fix 修复\n", fixable)
	}
	return nil
}

func mark(f doctor.Finding) string {
	switch {
	case f.Fixed:
		return "🔧 已修复"
	case f.Severity == doctor.Error:
		return "❌"
	case f.Severity == doctor.Warning:
		return "⚠️ "
	}
	return "✅"
}
