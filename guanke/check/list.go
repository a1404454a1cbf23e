package check

import (
	"context"
	"fmt"
	"net/url"
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
		s.Advice = append(s.Advice, listAdvice(v)...)
	}
	if n := len(c.seen.rejects); n > 0 && n == c.seen.entries() {
		s.Status = Warn
	}
	if c.m.List.Paging.Total == nil && c.m.List.Paging.TotalHeader == "" {
		s.Advice = append(s.Advice, c.totalAdvice(v)...)
	}
	return c.done(s)
}

// listAdvice names places of an answer that may have the tasks.
func listAdvice(v any) []string {
	if at := lists(v); len(at) > 0 {
		return []string{"答复里的列表在 " + paths(at) + "：任务在那里的话，核对映射里的 list.items"}
	}
	if at := find(v, keyed); len(at) > 0 {
		return []string{fmt.Sprintf("答复里有以编号为键的一组：%s；任务在那里的话，在映射里写 list.items: '%s | to_entries | map(.value + {id: .key})'",
			paths(at), at[0].path)}
	}
	return nil
}

// totalAdvice names places of the last answer that may have the total.
func (c *checker) totalAdvice(v any) []string {
	const use = "，才能核对有没有漏"
	if at := named(v, "total", "count"); len(at) > 0 {
		return []string{"答复里像是有总数：" + paths(at) + "；写进映射的 list.paging.total" + use}
	}
	for _, name := range [...]string{"X-Total-Count", "X-Total", "Total-Count", "X-Wp-Total", "Content-Range"} {
		if c.last.Header.Get(name) != "" {
			return []string{"响应头里像是有总数：在映射里写 list.paging.total_header: " + name + use}
		}
	}
	return nil
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
		s.Advice = append(s.Advice, listAdvice(v)...)
		if c.m.Envelope.Success != nil && strings.Contains(s.Message, c.m.Envelope.Success.Text) {
			break // It says what to do.
		}
		if at := named(v, "code", "status", "errno", "ret", "success"); len(at) > 0 {
			s.Advice = append(s.Advice, "表示成败的像是 "+paths(at)+"：核对映射里的 envelope（code 和 codes.success，或 success）")
		} else if c.m.Envelope.Code != nil || c.m.Envelope.Success != nil {
			s.Advice = append(s.Advice, "答复里没有表示成败的字段：去掉映射里的 envelope，只看 HTTP 状态码")
		}
	}
	return s
}
