package guanke

import (
	"net/http"
	"net/url"
	"strings"

	"tasksync/guanke/mapping"
	"tasksync/task"
)

// linkHeader is the target of the Link header's rel="next"; "" if there is
// none.
func linkHeader(h http.Header) string {
	for _, value := range h.Values("Link") {
		if target, ok := relNext(value); ok {
			return target
		}
	}
	return ""
}

// nextLink is the path and query of target, the link to the next page as the
// answer gave it. A link to another origin is refused. Our credentials are taken
// out of it, since it is kept between the chunks of a run.
func (c *Client) nextLink(res *response, target string) (string, error) {
	to, err := res.url.Parse(target)
	if err != nil {
		return "", task.Errorf(task.CodeSourceContract, "冠客接口的下一页链接不是有效的地址，请检查映射文件里的 list.paging")
	}
	if !sameOrigin(to, c.base) {
		return "", task.Errorf(task.CodeSourceContract,
			"冠客接口的下一页链接指向别的地址（%s），已拒绝；请让 GUANKE_BASE_URL 与它一致，或改用别的翻页方式", c.origin(to))
	}
	q := to.Query()
	if a := &c.mapping.Auth; a.In == mapping.InQuery {
		q.Del(a.Name)
	}
	next := (&url.URL{Path: to.Path, RawPath: to.RawPath, RawQuery: q.Encode()}).String()
	if len(next) > longestNext {
		return "", task.Errorf(task.CodeSourceContract, "冠客接口的下一页链接超过 %d 个字节", longestNext)
	}
	return next, nil
}

// origin is the scheme and the host of a foreign address, fit to be seen.
func (c *Client) origin(u *url.URL) string { return c.quote(u.Scheme+"://"+u.Host, 100) }

func sameOrigin(a, b *url.URL) bool {
	port := func(u *url.URL) string {
		if p := u.Port(); p != "" {
			return p
		}
		return map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

// relNext finds the target whose rel is next in one Link header.
func relNext(value string) (string, bool) {
	for {
		open := strings.IndexByte(value, '<')
		if open < 0 {
			return "", false
		}
		end := strings.IndexByte(value[open:], '>')
		if end < 0 {
			return "", false
		}
		target := value[open+1 : open+end]
		value = value[open+end+1:]
		params, _, _ := strings.Cut(value, "<")
		for p := range strings.SplitSeq(params, ";") {
			name, rel, _ := strings.Cut(strings.TrimSpace(p), "=")
			if !strings.EqualFold(strings.TrimSpace(name), "rel") {
				continue
			}
			for word := range strings.FieldsSeq(strings.Trim(strings.Trim(strings.TrimSpace(rel), ","), `"`)) {
				if strings.EqualFold(word, "next") {
					return target, true
				}
			}
		}
	}
}
