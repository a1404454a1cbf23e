package check

import (
	"context"
	"fmt"

	"tasksync/guanke"
	"tasksync/guanke/mapping"
	"tasksync/task"
)

// secondPage reads the page after the first, and makes the pages smaller where
// one holds everything.
func (c *checker) secondPage(ctx context.Context) bool {
	const name = "第二页"
	n := c.seen.entries()
	p := &c.m.List.Paging
	switch {
	case p.Style == mapping.PagingNone && c.first.Total != nil && *c.first.Total > n:
		return c.done(Step{
			Name: name, Status: Fail, Message: fmt.Sprintf("总数 %d，一次只给了 %d 条", *c.first.Total, n),
			Advice: []string{"这个接口有分页：改映射里的 list.paging（style 可以是 page、offset、cursor、link）"},
		})
	case p.Style == mapping.PagingNone:
		return c.done(Step{Name: name, Status: Skip, Message: "映射写明不分页（list.paging.style: none）"})
	case n < 2:
		return c.done(Step{Name: name, Status: Skip, Message: "任务不到两条，查不了翻页"})
	}
	client, first, seen := c.client, c.first, c.seen
	if sameSpan(first) == "" {
		if p.Size == "" {
			return c.done(Step{Name: name, Status: Skip, Message: "只有一页，而且映射没有每页条数的参数（list.paging.size）"})
		}
		small, err := c.with(nil, n/2)
		if err != nil {
			return c.done(Step{Name: name, Status: Fail, Message: task.MessageOf(err)})
		}
		defer c.release(small)
		if first, err = c.page(ctx, small, c.cfg.Window, ""); err != nil {
			s := c.listFailed(name, err)
			s.Advice = append([]string{fmt.Sprintf("要 %d 条一页时出错：核对映射里的 list.paging.size（每页条数的参数名）", n/2)}, s.Advice...)
			return c.done(s)
		}
		client, seen = small, c.reread(ctx)
		if sameSpan(first) == "" {
			return c.done(c.noSecond(name, n, first, seen))
		}
	}
	second, err := c.page(ctx, client, c.cfg.Window, first.Next)
	if err != nil {
		return c.done(c.listFailed(name, err))
	}
	return c.done(c.compare(name, first, second, seen, c.reread(ctx)))
}

// sameSpan is the cursor of the page after p; "" after the last page. A window
// that is cut into pieces goes on with the next piece, whose first page is no
// second one.
func sameSpan(p task.Page) string {
	if p.Total != nil && p.Span == 0 && *p.Total <= len(p.Tasks)+len(p.Rejects) {
		return ""
	}
	return p.Next
}

func (c *checker) noSecond(name string, n int, first task.Page, seen raw) Step {
	total := ""
	if first.Total != nil {
		total = fmt.Sprintf("，总数 %d", *first.Total)
	}
	return Step{
		Name: name, Status: Fail, Message: fmt.Sprintf("有 %d 条任务，要 %d 条一页，给了 %d 条%s，却没有下一页", n, n/2, seen.entries(), total),
		Details: []string{request(c.last)},
		Advice:  []string{"核对映射里的 list.paging：size（每页条数的参数名）、total（总数，不是页数）、has_more、next"},
	}
}

func (c *checker) compare(name string, first, second task.Page, a, b raw) Step {
	p := &c.m.List.Paging
	n := b.entries()
	repeated := n - b.fresh(a)
	switch {
	case second.Span != first.Span:
		return Step{Name: name, Status: Skip, Message: "时间窗口的每一段都只有一页"}
	case n == 0:
		return Step{
			Name: name, Status: Fail, Message: "第二页是空的，第一页却说后面还有",
			Advice: []string{"核对映射里的 list.paging：param（参数名）、first（第一页是 0 还是 1）、total（总数，不是页数）"},
		}
	case repeated == n && n >= a.entries():
		return Step{
			Name: name, Status: Fail, Message: "第二页与第一页一样：分页参数没有起作用",
			Advice: []string{fmt.Sprintf("核对映射里 list.paging 的 style（现在是 %s）、param（现在是 %s）和 in", p.Style, p.Param)},
		}
	case repeated > 0:
		return Step{
			Name: name, Status: Warn, Message: fmt.Sprintf("%d 条，其中 %d 条在第一页也有", n, repeated),
			Advice: []string{"读的时候任务有增减会这样，同步时会去重并再读一遍；每次都这样时，核对映射里 list.paging 的 style 和 first"},
		}
	}
	return Step{Name: name, Status: OK, Message: fmt.Sprintf("%s，与第一页没有重复", c.pageText(second, b))}
}

// pageSize looks for a source that gives smaller pages than it is asked for,
// which would pass for the last page.
func (c *checker) pageSize(ctx context.Context) bool {
	const name = "每页条数"
	p := &c.m.List.Paging
	n := c.seen.entries()
	counted := p.Style == mapping.PagingPage || p.Style == mapping.PagingOffset
	if !counted || p.Size == "" || n < 2 || p.HasMore != nil {
		return true
	}
	size := c.cfg.Source.PageSize
	if size == 0 {
		size = guanke.MaxPageSize
	}
	size = min(size, p.Largest)
	if n >= size {
		return c.done(Step{Name: name, Status: OK, Message: fmt.Sprintf("要 %d 条，给 %d 条", size, n)})
	}
	capped := Step{
		Name: name, Status: Fail, Message: fmt.Sprintf("要 %d 条一页，只给了 %d 条，后面却还有：同步会漏掉后面的任务", size, n),
		Advice: []string{fmt.Sprintf("在映射里写 list.paging.largest: %d", n)},
	}
	if c.first.Total != nil && c.first.Span == 0 {
		if *c.first.Total > n && n >= guanke.SmallestCap {
			capped.Status = Warn
			capped.Message = fmt.Sprintf("要 %d 条一页，只给了 %d 条，后面还有：同步会改为每页 %d 条接着读", size, n, n)
		}
		if *c.first.Total > n {
			return c.done(capped)
		}
		return c.done(Step{Name: name, Status: OK, Message: fmt.Sprintf("一页装得下全部 %d 条", n)})
	}
	// Without a total a page that is not full is the last; so ask as if it were
	// full.
	m := *c.m
	m.List.Paging.Largest, m.List.Paging.Total = n, nil
	client, err := c.with(&m, n)
	if err != nil {
		return true
	}
	defer c.release(client)
	first, err := c.page(ctx, client, c.cfg.Window, "")
	if err != nil || first.Next == "" {
		return true
	}
	a := c.reread(ctx)
	second, err := c.page(ctx, client, c.cfg.Window, first.Next)
	if err != nil || second.Span != first.Span {
		return true
	}
	b := c.reread(ctx)
	if b.fresh(a) > 0 {
		return c.done(capped)
	}
	return c.done(Step{Name: name, Status: OK, Message: fmt.Sprintf("一页装得下全部 %d 条", n)})
}
