package check

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"tasksync/guanke"
	"tasksync/guanke/mapping"
	"tasksync/task"
)

// connection tells whether the source can be reached at all, once the first
// request was made; err is what came of it, and x the answer, if there was one.
func (c *checker) connection(x *guanke.Exchange, err error) bool {
	if x != nil {
		return c.done(Step{Name: "连接", Status: OK, Message: fmt.Sprintf("已连上，%s 内有了答复", round(x.Took))})
	}
	s := Step{Name: "连接", Status: Fail, Message: task.MessageOf(err)}
	if strings.HasPrefix(c.cfg.Source.BaseURL, "https://") {
		s.Advice = append(s.Advice, "确认服务端用的是 https；只有 http 时，GUANKE_BASE_URL 以 http:// 开头")
	}
	s.Advice = append(s.Advice, "在这台机器上试：curl -v "+c.cfg.Source.BaseURL)
	return c.done(s)
}

// show notes a request with the shape of its answer, and gives the answer back
// as JSON; nil if it is none.
func (s *Step) show(x *guanke.Exchange) any {
	s.Details = append(s.Details, fmt.Sprintf("%s 答复 HTTP %d", request(x), x.Status))
	v := parse(x.Body)
	if v != nil {
		s.Details = append(s.Details, "答复的结构："+outline(v))
	}
	return v
}

// request is what was asked, in one line.
func request(x *guanke.Exchange) string {
	at := x.URL
	if plain, err := url.QueryUnescape(at); err == nil {
		at = plain
	}
	text := x.Method + " " + cut(at, 400)
	if x.RequestBody != "" {
		text += " " + cut(x.RequestBody, 300)
	}
	return text
}

func round(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

func (c *checker) token(ctx context.Context) bool {
	switch c.m.Auth.Kind {
	case mapping.AuthNone:
		return c.done(Step{Name: "令牌", Status: Skip, Message: "这个映射不需要登录（auth.kind: none）"})
	case mapping.AuthStatic, mapping.AuthBasic:
		return c.done(Step{Name: "令牌", Status: Skip, Message: "凭据随每个请求发送（auth.kind: " + string(c.m.Auth.Kind) + "），对不对见“第一页”"})
	}
	probe, err := c.client.ProbeToken(ctx)
	x := probe.Exchange
	if !c.connection(x, err) {
		return false
	}
	if err == nil {
		return c.done(Step{Name: "令牌", Status: OK, Message: fmt.Sprintf("取到了令牌（%s）", c.m.Auth.Token.Text)})
	}
	s := Step{Name: "令牌", Status: Fail, Message: task.MessageOf(err)}
	v := s.show(x)
	switch {
	case x.Status == 404 || x.Status == 405:
		s.Advice = append(s.Advice, "核对映射里 auth.requests 的 path 和 method，以及 GUANKE_BASE_URL 里的路径前缀")
	case task.CodeOf(err) == task.CodeSourceAuth:
		s.Advice = append(s.Advice, "核对凭据的值，以及映射里 auth.requests 的参数名和位置（query、body、headers）")
	case v == nil:
		s.Advice = append(s.Advice, "答复不是 JSON：核对 GUANKE_BASE_URL 和 auth.requests 的 path")
	default:
		if at := named(v, "token", "ticket", "jwt"); len(at) > 0 {
			s.Advice = append(s.Advice, "令牌可能在 "+paths(at)+"：改映射里的 auth.token")
		}
		s.Advice = append(s.Advice, "取令牌的答复和列表的外层不一样时，在映射里写 auth.envelope")
	}
	return c.done(s)
}

func (c *checker) firstPage(ctx context.Context) bool {
	p, err := c.page(ctx, c.client, c.cfg.Window, "")
	if c.m.Auth.Kind != mapping.AuthToken && !c.connection(c.last, err) {
		return false
	}
	if err != nil {
		return c.done(c.listFailed("第一页", err))
	}
	c.first, c.span, c.seen, c.body = p, c.asked, c.reread(ctx), c.last.Body
	s := Step{Name: "第一页", Status: OK, Message: c.pageText(p, c.seen)}
	s.Details = append(s.Details, request(c.last))
	v := parse(c.last.Body)
	if c.seen.entries() == 0 {
		s.Status = Warn
		s.Details = append(s.Details, "答复的结构："+outline(v))
		s.Advice = append(s.Advice, "时间窗口 "+c.windowText(c.cfg.Window)+" 里没有任务：用 --from 和 --to 指定一段确定有任务的时间，后面的步骤才有东西可查")
		if at := lists(v); len(at) > 0 {
			s.Advice = append(s.Advice, "答复里有列表："+paths(at)+"；任务在那里的话，改映射里的 list.items")
		}
	}
	if c.m.List.Paging.Total == nil && v != nil {
		if at := named(v, "total", "count"); len(at) > 0 {
			s.Advice = append(s.Advice, "答复里像是有总数："+paths(at)+"；写进映射的 list.paging.total，才能核对有没有漏")
		}
	}
	return c.done(s)
}

func (c *checker) pageText(p task.Page, r raw) string {
	text := fmt.Sprintf("%d 条", r.entries())
	if n := len(r.rejects); n > 0 {
		text += fmt.Sprintf("（其中 %d 条无效）", n)
	}
	if p.Total != nil {
		text += fmt.Sprintf("，总数 %d", *p.Total)
	}
	return text + "，用时 " + round(c.last.Took).String()
}

// listFailed explains why a page could not be read.
func (c *checker) listFailed(name string, err error) Step {
	s := Step{Name: name, Status: Fail, Message: task.MessageOf(err)}
	x := c.last
	if x == nil {
		return s
	}
	v := s.show(x)
	switch code := task.CodeOf(err); {
	case x.Status == 404 || x.Status == 405:
		s.Advice = append(s.Advice, "核对映射里的 list.path 和 list.method，以及 GUANKE_BASE_URL 里的路径前缀")
	case x.Status == 400 || x.Status == 422:
		s.Advice = append(s.Advice, "服务端不认这些参数：核对映射里 list.window（参数名、format、longest）和 list.paging（param、size、largest、first）")
	case code == task.CodeSourceAuth || x.Status == 401:
		s.Advice = append(s.Advice, "核对映射里 auth.send（in、name、prefix；许多接口要 prefix: \"Bearer \"）和凭据的值")
	case code == task.CodeSourceUnavailable:
		s.Advice = append(s.Advice, "过一会儿再试；一直如此时，请把 tasksync source record 的结果交给服务端的人")
	case v == nil:
		s.Advice = append(s.Advice, "答复不是 JSON：核对 GUANKE_BASE_URL 和映射里的 list.path；接口要求请求头 Accept 等时，写进映射的 headers")
	default:
		if at := lists(v); len(at) > 0 {
			s.Advice = append(s.Advice, "答复里的列表在 "+paths(at)+"：核对映射里的 list.items")
		}
		if at := named(v, "code", "status", "errno", "ret", "success"); len(at) > 0 {
			s.Advice = append(s.Advice, "表示成败的像是 "+paths(at)+"：核对映射里的 envelope（code 和 codes.success，或 success）")
		} else if c.m.Envelope.Code != nil || c.m.Envelope.Success != nil {
			s.Advice = append(s.Advice, "答复里没有表示成败的字段：去掉映射里的 envelope，只看 HTTP 状态码")
		}
	}
	return s
}

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
			return c.done(c.noSecond(name, n, seen))
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

func (c *checker) noSecond(name string, n int, seen raw) Step {
	return Step{
		Name: name, Status: Fail, Message: fmt.Sprintf("有 %d 条任务，要 %d 条一页，给了 %d 条，却没有下一页", n, n/2, seen.entries()),
		Advice: []string{"核对映射里的 list.paging：size（每页条数的参数名）、total（总数，不是页数）、has_more、next"},
	}
}

func (c *checker) compare(name string, first, second task.Page, a, b raw) Step {
	p := &c.m.List.Paging
	repeated := 0
	for _, t := range b.tasks {
		if a.has(t.ID) {
			repeated++
		}
	}
	switch n := len(b.tasks); {
	case second.Span != first.Span:
		return Step{Name: name, Status: Skip, Message: "时间窗口的每一段都只有一页"}
	case b.entries() == 0:
		return Step{
			Name: name, Status: Fail, Message: "第二页是空的，第一页却说后面还有",
			Advice: []string{"核对映射里的 list.paging：param（参数名）、first（第一页是 0 还是 1）、total（总数，不是页数）"},
		}
	case n > 0 && repeated == n && n >= len(a.tasks):
		return Step{
			Name: name, Status: Fail, Message: "第二页与第一页一样：分页参数没有起作用",
			Advice: []string{fmt.Sprintf("核对映射里 list.paging 的 style（现在是 %s）、param（现在是 %s）和 in", p.Style, p.Param)},
		}
	case repeated > 0:
		return Step{
			Name: name, Status: Warn, Message: fmt.Sprintf("%d 条，其中 %d 条在第一页也有", b.entries(), repeated),
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
	if slices.ContainsFunc(b.tasks, func(t task.Task) bool { return !a.has(t.ID) }) {
		return c.done(capped)
	}
	return c.done(Step{Name: name, Status: OK, Message: fmt.Sprintf("一页装得下全部 %d 条", n)})
}
