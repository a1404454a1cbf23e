package guanke

import (
	"net/url"
	"strings"

	"tasksync/guanke/mapping"
	"tasksync/task"
)

// nextLink is the path and query of the Link header's rel="next"; "" if there
// is none. A link to another origin is refused. Our credentials are taken out
// of it, since it is kept between the chunks of a run.
func (c *Client) nextLink(res *response) (string, error) {
	for _, value := range res.header.Values("Link") {
		target, ok := relNext(value)
		if !ok {
			continue
		}
		to, err := res.url.Parse(target)
		if err != nil || !sameOrigin(to, c.base) {
			return "", task.Errorf(task.CodeSourceContract, "冠客接口的下一页链接（Link）指向别的地址，已拒绝，请检查 GUANKE_BASE_URL")
		}
		q := to.Query()
		if a := &c.mapping.Auth; a.In == mapping.InQuery {
			q.Del(a.Name)
		}
		next := (&url.URL{Path: to.Path, RawPath: to.RawPath, RawQuery: q.Encode()}).String()
		if len(next) > longestNext {
			return "", task.Errorf(task.CodeSourceContract, "冠客接口的下一页链接（Link）超过 %d 个字节", longestNext)
		}
		return next, nil
	}
	return "", nil
}

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
		params := value
		if next := strings.Index(value, ",<"); next >= 0 {
			params = value[:next]
		} else if next := strings.Index(value, ", <"); next >= 0 {
			params = value[:next]
		}
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
