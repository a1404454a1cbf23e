package chaos_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tasksync/task"
)

// table is the Markdown of what came of many episodes.
func table(results []result) string {
	slices.SortFunc(results, func(a, b result) int { return int(a.plan.Seed - b.plan.Seed) })
	var b strings.Builder
	b.WriteString("| 干扰 | 次数 | 其中运行进行中 | 回合 | 种子 | 不变量被破坏的回合 |\n|---|---|---|---|---|---|\n")
	strikes := 0
	for _, k := range kinds {
		n, hits, broken := 0, 0, 0
		var seeds []string
		for _, r := range results {
			in := false
			for i, s := range r.plan.Strikes {
				if s.Kind != k.name {
					continue
				}
				in = true
				n++
				if i < len(r.hits) && r.hits[i] {
					hits++
				}
			}
			if in {
				seeds = append(seeds, fmt.Sprint(r.plan.Seed))
				broken += min(1, len(r.violations))
			}
		}
		strikes += n
		if n > 0 {
			fmt.Fprintf(&b, "| %s | %d | %d | %d | %s | %d |\n", k.name, n, hits, len(seeds), strings.Join(seeds, " "), broken)
		}
	}
	return b.String() + "\n" + summary(results, strikes)
}

func summary(results []result, strikes int) string {
	classes, statuses := map[string]int{}, map[task.Status]int{}
	var took time.Duration
	runs, seen := 0, 0
	begins := map[string]int{}
	for _, r := range results {
		took += r.took
		seen += r.seen
		begins[r.plan.Begin]++
		for _, v := range r.violations {
			classes[v.Class]++
		}
		for i, rec := range r.records {
			runs++
			if i < len(r.plan.Types) {
				statuses[rec.Status]++
			}
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "| 回合 | 干扰 | 运行 | 逐字段核对的任务 | 丢失 | 重复 | 内容不符 | 残留的进行中 | 计数错误 | 重试记录不符 | 泄漏 | 其他 |\n|%s\n", strings.Repeat("---|", 12))
	fmt.Fprintf(&b, "| %d | %d | %d | %d | %d | %d | %d | %d | %d | %d | %d | %d |\n\n", len(results), strikes, runs, seen,
		classes[lost], classes[doubled], classes[content], classes[running], classes[counts], classes[tries], classes[leaked], classes[other])
	fmt.Fprintf(&b, "受干扰的运行的状态：")
	for _, s := range []task.Status{task.Success, task.Partial, task.Failed, task.Canceled, task.Running} {
		fmt.Fprintf(&b, " %s %d", s, statuses[s])
	}
	fmt.Fprintf(&b, "；起点：空库 %d，已有相同任务 %d，已有而冠客有改名和删除 %d；每回合平均 %s\n",
		begins[beginEmpty], begins[beginStored], begins[beginChanged], (took / time.Duration(max(1, len(results)))).Round(100*time.Millisecond))
	return b.String()
}
