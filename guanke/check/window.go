package check

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"tasksync/guanke/mapping"
	"tasksync/task"
)

// manyHours are the differences of zones that are looked for, the likely ones
// first.
func (c *checker) manyHours() []int {
	_, offset := c.cfg.Window.From.In(c.zone()).Zone()
	own := offset / 3600
	out := []int{-own, own}
	for h := 1; h <= 14; h++ {
		out = append(out, -h, h)
	}
	return slices.DeleteFunc(out, func(h int) bool { return h == 0 })
}

func within(w task.Window, t time.Time) bool { return !t.Before(w.From) && t.Before(w.To) }

func outside(r raw, w task.Window) int {
	n := 0
	for _, t := range r.tasks {
		if !within(w, t.CreatedAt) {
			n++
		}
	}
	return n
}

// inside looks whether the source keeps to the window.
func (c *checker) inside(context.Context) bool {
	const name = "时间窗口"
	if c.m.List.Window == nil {
		return c.done(Step{
			Name: name, Status: Warn, Message: "映射没有 list.window：每次同步都要读完全部任务，再按创建时间挑选，也核对不了总数",
			Advice: []string{"接口能按创建时间查询时，请写上 list.window"},
		})
	}
	if len(c.seen.tasks) == 0 {
		return c.done(Step{Name: name, Status: Skip, Message: "没有任务可以用来检查"})
	}
	w, n := c.span, outside(c.seen, c.span)
	if n == 0 && c.utcByName() {
		return c.done(Step{
			Name: name, Status: Warn, Message: fmt.Sprintf("时间的写法以 Z 结尾，按标准是 UTC，而映射按 %s 读写", c.zone()),
			Advice: []string{"服务端用的是 UTC 时，把 format 改成 rfc3339，或写 zone: UTC：否则每条任务的创建时间都差几个小时；服务端只是写成这样、其实是本地时间时，不用改"},
		})
	}
	if n == 0 {
		return c.done(Step{Name: name, Status: OK, Message: fmt.Sprintf("%d 条任务的创建时间都在 %s 里", len(c.seen.tasks), c.windowText(w))})
	}
	s := Step{Name: name, Status: Fail, Message: fmt.Sprintf("%d 条任务里有 %d 条的创建时间不在 %s 里", len(c.seen.tasks), n, c.windowText(w))}
	odd := slices.IndexFunc(c.seen.tasks, func(t task.Task) bool { return !within(w, t.CreatedAt) })
	s.Details = append(s.Details, fmt.Sprintf("例如任务 %s，创建时间 %s", c.seen.tasks[odd].ID, c.clock(c.seen.tasks[odd].CreatedAt)))
	for _, h := range c.manyHours() {
		by := time.Duration(h) * time.Hour
		if outside(c.seen, task.Window{From: w.From.Add(by), To: w.To.Add(by)}) == 0 {
			s.Advice = append(s.Advice, fmt.Sprintf("全部任务都像是差了 %d 小时：核对映射里的 zone，以及 list.window.format 要不要带时区", h))
			return c.done(s)
		}
	}
	s.Advice = append(s.Advice, fmt.Sprintf("服务端没有按创建时间筛选：核对映射里 list.window 的 start（现在是 %s）、end（现在是 %s）和 format，"+
		"以及这两个参数查的是创建时间而不是修改时间", c.m.List.Window.Start, c.m.List.Window.End))
	return c.done(s)
}

// utcByName reports whether a time is written with a Z that the mapping takes for
// a mere letter, in a zone that is not UTC.
func (c *checker) utcByName() bool {
	_, offset := c.cfg.Window.From.In(c.zone()).Zone()
	return offset != 0 && (strings.HasSuffix(c.m.Created.Layout, "Z") || strings.HasSuffix(c.m.List.Window.Format.Layout, "Z"))
}

// middle is a task in the middle of those seen, whose creation time the other
// steps go by.
func (c *checker) middle() (task.Task, bool) {
	all := slices.Clone(c.seen.tasks)
	slices.SortFunc(all, func(a, b task.Task) int { return a.CreatedAt.Compare(b.CreatedAt) })
	if len(all) == 0 {
		return task.Task{}, false
	}
	return all[len(all)/2], true
}

// step is the window's finest step, and moment the step in which t lies.
func (c *checker) moment(t time.Time) task.Window {
	g := c.m.List.Window.Granularity
	from := g.Floor(t.In(c.zone()))
	return task.Window{From: from, To: g.After(from)}
}

// narrow asks for the very moment at which a task was made.
func (c *checker) narrow(ctx context.Context) bool {
	const name = "窗口起点"
	t, ok := c.middle()
	if c.m.List.Window == nil || !ok {
		return true
	}
	w := c.moment(t.CreatedAt)
	got, err := c.ask(ctx, c.client, w, t.ID)
	if err != nil {
		return c.done(c.listFailed(name, err))
	}
	switch {
	case got.has(t.ID) && outside(got, w) > 0 && got.entries() >= c.seen.entries() && c.seen.entries() > 1:
		return c.done(Step{
			Name: name, Status: Fail, Message: "只查一条任务创建的那一刻，仍然给出了全部任务：时间参数没有起作用",
			Advice: []string{fmt.Sprintf("核对映射里 list.window 的 start（现在是 %s）、end（现在是 %s）和 in", c.m.List.Window.Start, c.m.List.Window.End)},
		})
	case got.has(t.ID):
		return c.done(Step{Name: name, Status: OK, Message: fmt.Sprintf("查 %s，找到了当时创建的任务 %s", c.windowText(w), t.ID)})
	}
	if got.more {
		return c.done(Step{Name: name, Status: Skip, Message: fmt.Sprintf("%s 里的任务太多，前 %d 页里没有任务 %s，查不了", c.windowText(w), mostPages, t.ID)})
	}
	s := Step{Name: name, Status: Fail, Message: fmt.Sprintf("任务 %s 创建于 %s，查 %s 却没有它", t.ID, c.clock(t.CreatedAt), c.windowText(w))}
	g := c.m.List.Window.Granularity
	for _, probe := range []struct {
		w      task.Window
		advice string
	}{
		{task.Window{From: w.From, To: g.After(w.To)}, "服务端不含结束时间那一刻：在映射里写 list.window.inclusive: false"},
		{task.Window{From: g.Before(w.From), To: w.To}, "服务端不含开始时间那一刻：在映射里写 list.window.start_inclusive: false"},
	} {
		if got, err := c.ask(ctx, c.client, probe.w, t.ID); err == nil && got.has(t.ID) {
			s.Advice = []string{probe.advice}
			return c.done(s)
		}
	}
	for _, h := range c.manyHours() {
		by := time.Duration(h) * time.Hour
		if got, err := c.ask(ctx, c.client, task.Window{From: w.From.Add(by), To: w.To.Add(by)}, t.ID); err == nil && got.has(t.ID) {
			s.Advice = []string{fmt.Sprintf("把查询的时间移动 %d 小时就找到了：服务端的时间参数用的是另一个时区，核对映射里的 zone，或改 list.window.format", h)}
			return c.done(s)
		}
	}
	s.Advice = []string{"服务端可能按别的时间（例如修改时间）筛选，或者创建时间（fields.created_at）取错了字段"}
	return c.done(s)
}

// end asks for the time up to the moment at which a task was made, which must
// not be in it.
func (c *checker) end(ctx context.Context) bool {
	const name = "窗口终点"
	t, ok := c.middle()
	if c.m.List.Window == nil || !ok {
		return true
	}
	if c.m.Overlaps() {
		return c.done(Step{
			Name: name, Status: OK, Message: "时间参数比创建时间粗：会多问一步，再按创建时间挑选，不会漏，也就不核对总数",
		})
	}
	at := c.moment(t.CreatedAt)
	from := at.From.Add(-time.Hour)
	if d := c.m.List.Window.Granularity; d.Days > 0 {
		from = d.Before(at.From)
	}
	w := task.Window{From: from, To: at.From}
	got, err := c.ask(ctx, c.client, w, t.ID)
	if err != nil {
		return c.done(c.listFailed(name, err))
	}
	if !got.has(t.ID) {
		return c.done(Step{Name: name, Status: OK, Message: fmt.Sprintf("查 %s，不含终点那一刻创建的任务 %s", c.windowText(w), t.ID)})
	}
	return c.done(Step{
		Name: name, Status: Fail, Message: fmt.Sprintf("查 %s，给出了终点那一刻创建的任务 %s：不会漏，但总数会对不上", c.windowText(w), t.ID),
		Advice: []string{"服务端含结束时间那一刻：在映射里写 list.window.inclusive: true"},
	})
}

// longest asks for more time than the mapping says is allowed at once, or for a
// month where it says nothing.
func (c *checker) longest(ctx context.Context) bool {
	const name = "最长跨度"
	if c.m.List.Window == nil {
		return true
	}
	longest := c.m.List.Window.Longest
	m, window := *c.m, *c.m.List.Window
	window.Longest = mapping.Period{}
	m.List.Window = &window
	free, err := c.with(&m, 0)
	if err != nil {
		return c.done(Step{Name: name, Status: Fail, Message: task.MessageOf(err)})
	}
	defer c.release(free)
	try := func(days int) error {
		_, err := c.ask(ctx, free, task.Window{From: c.cfg.Window.To.AddDate(0, 0, -days), To: c.cfg.Window.To}, "")
		return err
	}
	if !longest.IsZero() {
		from := longest.Before(c.cfg.Window.To)
		_, err := c.ask(ctx, free, task.Window{From: from, To: c.cfg.Window.To}, "")
		if err != nil {
			return c.done(Step{
				Name: name, Status: Fail, Message: "映射允许的最长跨度被拒绝了：" + task.MessageOf(err),
				Advice: []string{"把映射里的 list.window.longest 改小"},
			})
		}
		_, err = c.ask(ctx, free, task.Window{From: from.AddDate(0, 0, -2), To: c.cfg.Window.To}, "")
		if err != nil {
			return c.done(Step{Name: name, Status: OK, Message: fmt.Sprintf("再长两天就被拒绝（%s），与映射的 list.window.longest 一致", cut(task.MessageOf(err), 80))})
		}
		return c.done(Step{Name: name, Status: OK, Message: "映射的 list.window.longest 可用（再长两天也没有被拒绝）"})
	}
	if err = try(31); err == nil {
		return c.done(Step{Name: name, Status: OK, Message: "31 天的跨度可用"})
	}
	s := Step{Name: name, Status: Fail, Message: "31 天的跨度被拒绝：" + task.MessageOf(err)}
	for _, days := range [...]int{15, 7, 3, 1} {
		if try(days) == nil {
			s.Status = Warn
			s.Advice = []string{fmt.Sprintf("%d 天可用：在映射里写 list.window.longest: %dd，较长的窗口就会分段查询", days, days)}
			return c.done(s)
		}
	}
	s.Advice = []string{"1 天的跨度也被拒绝：核对映射里的 list.window"}
	return c.done(s)
}
