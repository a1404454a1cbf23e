package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/robfig/cron"

	"tasksync/schedule"
	"tasksync/task"
)

const (
	// skippedSince is how far back skipped slots are looked for.
	skippedSince = 24 * time.Hour
	// grace is how late a slot may be before somebody is told.
	grace = 10 * time.Minute
	// longestGap bounds the look back for the last slot of a cron.
	longestGap = 8 * 24 * time.Hour
)

func (p *Parts) schedules(ctx context.Context) ([]Finding, error) {
	inspections, err := p.Schedules.Inspect(ctx)
	if err != nil {
		return nil, err
	}
	var found []Finding
	for _, s := range inspections {
		switch {
		case s.Missing:
			found = append(found, Finding{
				Severity: Error, What: "没有定时任务 " + s.ID, Why: "它不会自动执行", How: "启动 worker 会建立它，或加上 --fix", fix: p.Schedules.Ensure,
			})
			continue
		case len(s.Differs) > 0:
			found = append(found, Finding{
				Severity: Error, What: fmt.Sprintf("定时任务 %s 与设置不同：%s", s.ID, strings.Join(s.Differs, "；")), Why: "它不会按设置执行",
				How: "重新启动 worker 会更新它，或加上 --fix（暂停状态会保留）", fix: p.Schedules.Ensure,
			})
		}
		if s.Paused {
			what := fmt.Sprintf("定时任务 %s 已暂停", s.ID)
			if !s.Updated.IsZero() {
				what += "（最后一次改动在 " + p.shown(s.Updated) + "）"
			}
			if s.Note != "" {
				what += "：" + s.Note
			}
			found = append(found, Finding{
				Severity: Warning, What: what, Why: "恢复之前它不会自动执行；这是人的决定，--fix 不会改", How: "tasksync schedule resume " + s.ID,
			})
		}
		if s.MissedCatchUp > 0 {
			found = append(found, Finding{
				Severity: Warning, What: fmt.Sprintf("定时任务 %s 建立以来有 %d 个时段因 Temporal 停得太久而错过", s.ID, s.MissedCatchUp),
				Why: "那些时段没有同步；之后的历史数据同步会补上三天内的任务", How: "手动同步一次，或检查 Temporal 为何停止",
			})
		}
	}
	return found, nil
}

func (p *Parts) skipped(ctx context.Context) ([]Finding, error) {
	slots, err := p.Runs.Skipped(ctx, p.now().Add(-skippedSince))
	if err != nil || len(slots) == 0 {
		return nil, err
	}
	shown := slots[:min(3, len(slots))]
	return only(Finding{
		Severity: Warning, What: fmt.Sprintf("最近 24 小时有 %d 个时段因为同类型的同步还在进行而跳过，例如 %s", len(slots), strings.Join(shown, "、")),
		Why: "偶尔跳过没有关系；常常跳过说明同步太慢或有人常手动同步", How: "查看这些时段前的同步为何很久，或把时间排得稀一些",
	})
}

// late looks for the last slot of each type that should have made a record.
func (p *Parts) late(ctx context.Context) ([]Finding, error) {
	inspections, err := p.Schedules.Inspect(ctx)
	if err != nil {
		return nil, err
	}
	latest, err := p.Store.Latest(ctx)
	if err != nil {
		return nil, err
	}
	skipped, err := p.Runs.Skipped(ctx, p.now().Add(-longestGap))
	if err != nil {
		return nil, err
	}
	var found []Finding
	for _, t := range task.SyncTypes {
		for _, s := range inspections {
			if s.ID != schedule.ID(t) || s.Missing || s.Paused {
				continue
			}
			due := lastSlot(p.Options.Crons[t], p.now().Add(-grace).In(p.Options.Zone))
			if due.IsZero() || s.Created.After(due) || s.Updated.After(due) {
				// It was not there yet, or paused until then.
				continue
			}
			if rec, ok := latest[t]; ok && !rec.StartTime.Before(due) {
				continue
			}
			if slices.Contains(skipped, s.ID+"-"+due.UTC().Format(time.RFC3339)) {
				continue
			}
			f := Finding{
				Severity: Error, What: fmt.Sprintf("%s同步应在 %s 自动执行，但没有留下记录", t.Label(), p.shown(due)),
				Why: "这个时段的数据没有更新", How: "确认 worker 在运行，然后手动同步一次",
			}
			if s.LastSlot.Before(due) {
				f.How = "Temporal 没有按时触发：检查它当时是否在运行，然后手动同步一次"
			}
			found = append(found, f)
		}
	}
	return found, nil
}

// lastSlot is the last time of a cron up to before, in its zone; zero if there
// was none for a week.
func lastSlot(expression string, before time.Time) time.Time {
	times, err := cron.ParseStandard(expression)
	if err != nil {
		// Temporal knows forms that the parser does not.
		return time.Time{}
	}
	var last time.Time
	for at := times.Next(before.Add(-longestGap)); !at.IsZero() && !at.After(before); at = times.Next(at) {
		last = at
	}
	return last
}

func (p *Parts) shown(t time.Time) string { return t.In(p.Options.Zone).Format("2006-01-02 15:04") }
