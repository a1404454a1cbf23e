package check

import (
	"fmt"
	"io"
	"strings"
	"time"

	"tasksync/task"
)

// Print writes one step as people read it on a terminal.
func (s Step) Print(out io.Writer) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s：%s\n", s.Status.Sign(), s.Name, s.Message)
	for _, d := range s.Details {
		fmt.Fprintf(&b, "    %s\n", d)
	}
	for _, a := range s.Advice {
		fmt.Fprintf(&b, "    → %s\n", a)
	}
	// A terminal that is gone cannot be told.
	_, _ = io.WriteString(out, b.String())
}

// PrintSample writes a task with the names of the columns that it goes to.
func PrintSample(out io.Writer, t *task.Task, zone *time.Location) {
	if t == nil {
		return
	}
	var b strings.Builder
	b.WriteString("第一条任务存成：\n")
	for _, line := range [...][2]string{
		{"任务编号 id", t.ID},
		{"任务名称 name", cut(t.Name, 120)},
		{"状态 state", t.State},
		{"总数/外呼/接通/成功", fmt.Sprintf("%d / %d / %d / %d", t.Total, t.Called, t.Connected, t.Succeeded)},
		{"创建时间", t.CreatedAt.In(zone).Format("2006-01-02 15:04:05 -0700")},
		{"数据包 package_ref", t.PackageRef},
		{"其余 attributes", cut(string(t.Attributes), 300)},
	} {
		if line[1] == "" {
			line[1] = "（空）"
		}
		fmt.Fprintf(&b, "    %s：%s\n", line[0], line[1])
	}
	_, _ = io.WriteString(out, b.String())
}
