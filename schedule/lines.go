package schedule

import (
	"fmt"
	"strconv"
	"strings"

	"tasksync/task"
)

// StartupLines are the guide's lines for the log of a start, made from the
// settings.
func StartupLines(cfg Config) []string {
	line := func(t task.SyncType, cron string) string {
		return fmt.Sprintf("📅 已注册定时任务: %s同步 [%s]", t.Label(), describe(cron))
	}
	return []string{"✅ 定时任务调度器已启动", line(task.Historical, cfg.Historical), line(task.Today, cfg.Today)}
}

// describe says a cron of whole hours in the guide's words: a list of times, or
// a range 每小时. Any other expression is shown as it is.
func describe(cron string) string {
	fields := strings.Fields(cron)
	if len(fields) != 5 || strings.Join(fields[2:], " ") != "* * *" {
		return cron
	}
	minute, err := strconv.Atoi(fields[0])
	if err != nil {
		return cron
	}
	if from, to, isRange := strings.Cut(fields[1], "-"); isRange {
		a, errA := strconv.Atoi(from)
		b, errB := strconv.Atoi(to)
		if errA != nil || errB != nil {
			return cron
		}
		return fmt.Sprintf("%d:%02d-%d:%02d 每小时", a, minute, b, minute)
	}
	var times []string
	for _, h := range strings.Split(fields[1], ",") {
		hour, err := strconv.Atoi(h)
		if err != nil {
			return cron
		}
		times = append(times, fmt.Sprintf("%d:%02d", hour, minute))
	}
	return strings.Join(times, ", ")
}
