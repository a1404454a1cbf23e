package chaos_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tasksync/task"
)

// labels are the kinds as people read them.
var labels = map[string]string{
	"kill worker": "kill -9 worker", "kill API": "kill -9 API", "kill PostgreSQL": "kill -9 PostgreSQL",
	"kill Temporal": "kill -9 Temporal", "kill all": "全部一起 kill -9（断电）",
	"terminate": "终止工作流", "cancel": "取消工作流", "reset": "运行中重置工作流", "reset after the end": "结束后重置工作流",
	"latency": "慢", "5xx": "5xx", "429": "429", "connection reset": "连接被重置", "expired token": "令牌过期",
	"slow body": "正文很慢", "stalled body": "正文停住", "endless body": "正文没有尽头", "truncated body": "正文缺一半",
	"cut body": "正文中途断开", "malformed JSON": "JSON 损坏", "login page": "返回登录页", "duplicates": "重复的任务",
	"same page twice": "同一页来两次", "oversized page": "页过大", "wrong types": "字段类型不对", "empty list": "空列表",
	"lying total": "总数不实", "drift": "翻页时任务改名、删除、移动",
}

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
			fmt.Fprintf(&b, "| %s | %d | %d | %d | %s | %d |\n", labels[k.name], n, hits, len(seeds), strings.Join(seeds, " "), broken)
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
