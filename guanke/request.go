package guanke

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"tasksync/guanke/mapping"
	"tasksync/task"
)

// outgoing is a request that is to be sent.
type outgoing struct {
	method  string
	url     *url.URL
	header  http.Header
	body    string
	hasBody bool
}

// draft collects the parameters of one request.
type draft struct {
	query  url.Values
	header http.Header
	body   map[string]any
	// form is true for a body that has no objects.
	form bool
}

// put sets a parameter. A dot in a name leads into an object of a JSON body.
func (d *draft) put(in mapping.Place, name string, value any) {
	if name == "" {
		return
	}
	s, isText := value.(string)
	if n, ok := value.(json.Number); ok && !isText {
		s = n.String()
	}
	switch in {
	case mapping.InHeader:
		d.header.Set(name, s)
	case mapping.InBody:
		at := d.body
		parts := []string{name}
		if !d.form {
			parts = strings.Split(name, ".")
		}
		for _, part := range parts[:len(parts)-1] {
			next, ok := at[part].(map[string]any)
			if !ok {
				next = make(map[string]any)
				at[part] = next
			}
			at = next
		}
		at[parts[len(parts)-1]] = value
	default:
		d.query.Set(name, s)
	}
}

// timeValue is a time as a text or, in a body, as a number.
func timeValue(f mapping.TimeFormat, t time.Time) any {
	if f.Number() {
		return json.Number(f.Write(t))
	}
	return f.Write(t)
}

func number(n int) json.Number { return json.Number(strconv.Itoa(n)) }

// build makes a request of its fixed part, the credentials and what add puts
// in.
func (c *Client) build(r *mapping.Request, creds mapping.Credentials, add func(*draft)) (*outgoing, error) {
	d := &draft{query: url.Values{}, header: http.Header{}, body: map[string]any{}, form: r.Encoding == "form"}
	d.header.Set("Accept", "application/json")
	d.header.Set("User-Agent", "tasksync")
	for _, p := range c.mapping.Headers {
		d.header.Set(p.Name, p.Value)
	}
	for _, p := range r.Headers {
		d.header.Set(p.Name, creds.Fill(p.Value))
	}
	for _, p := range r.Query {
		d.query.Set(p.Name, creds.Fill(p.Value))
	}
	if r.Body != nil {
		d.body = creds.FillAny(r.Body).(map[string]any)
	}
	if add != nil {
		add(d)
	}
	out := &outgoing{method: r.Method, url: c.base.JoinPath(r.Path), header: d.header}
	out.url.RawQuery = d.query.Encode()
	switch r.Encoding {
	case "json":
		body, err := json.Marshal(d.body)
		if err != nil {
			return nil, task.Errorf(task.CodeInternal, "无法构造对冠客的请求体，请检查映射文件里的 body")
		}
		out.body, out.hasBody = string(body), true
		d.header.Set("Content-Type", "application/json")
	case "form":
		out.body, out.hasBody = formText(d.body), true
		d.header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return out, nil
}

func formText(body map[string]any) string {
	form := url.Values{}
	for name, v := range body {
		switch v := v.(type) {
		case string:
			form.Set(name, v)
		case json.Number:
			form.Set(name, v.String())
		case bool:
			form.Set(name, strconv.FormatBool(v))
		}
	}
	return form.Encode()
}

// authorize puts the credentials of a request for the list in.
func (c *Client) authorize(d *draft, creds mapping.Credentials, token string) {
	a := &c.mapping.Auth
	switch a.Kind {
	case mapping.AuthBasic:
		r := http.Request{Header: d.header}
		r.SetBasicAuth(creds.Username, creds.Password)
	case mapping.AuthStatic:
		d.put(a.In, a.Name, a.Prefix+creds.Fill(a.Value))
	case mapping.AuthToken:
		d.put(a.In, a.Name, a.Prefix+token)
	}
}

// listRequest is the request for the page at at.
func (c *Client) listRequest(s span, at cursor, creds mapping.Credentials, token string) (*outgoing, error) {
	l := &c.mapping.List
	linked := l.Paging.Style == mapping.PagingLink && at.next != ""
	out, err := c.build(&l.Request, creds, func(d *draft) {
		c.authorize(d, creds, token)
		if linked {
			return
		}
		if w := l.Window; w != nil {
			first, end := s.first, s.end
			if w.StartOpen {
				first = w.Granularity.Before(first)
			}
			if w.Inclusive && !c.mapping.Overlaps() {
				end = w.Granularity.Before(end)
			}
			d.put(w.In, w.Start, timeValue(w.Format, first))
			d.put(w.In, w.End, timeValue(w.Format, end))
		}
		p := &l.Paging
		if p.Size != "" {
			d.put(p.In, p.Size, number(at.size))
		}
		switch p.Style {
		case mapping.PagingPage:
			d.put(p.In, p.Param, number(at.page-1+p.First))
		case mapping.PagingOffset:
			d.put(p.In, p.Param, number((at.page-1)*at.size))
		case mapping.PagingCursor:
			if at.next != "" {
				d.put(p.In, p.Param, at.next)
			}
		}
	})
	if err != nil || !linked {
		return out, err
	}
	return out, c.follow(out, at.next)
}

// follow turns the request to the link that the source gave. What the link
// does not have of our own credentials is added to it.
func (c *Client) follow(out *outgoing, link string) error {
	to, err := url.Parse(link)
	if err != nil || to.Host != "" || !strings.HasPrefix(to.Path, "/") {
		return task.Errorf(task.CodeInternal, "冠客分页游标里的链接无效，请重新开始同步")
	}
	auth := &c.mapping.Auth
	q := to.Query()
	if auth.In == mapping.InQuery {
		q.Set(auth.Name, out.url.Query().Get(auth.Name))
	}
	at := *c.base
	at.Path, at.RawPath, at.RawQuery = to.Path, to.RawPath, q.Encode()
	out.url = &at
	return nil
}
