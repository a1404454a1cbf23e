package mapping

import (
	"encoding/json"
	"net/textproto"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// params reads an object of names and values. Only where credentials is true
// may they hold placeholders.
func (o *object) params(key string, place Place, credentials bool) []Param {
	c := o.child(key)
	if c == nil {
		return nil
	}
	var out []Param
	for _, k := range c.keys {
		n := c.get(k.Value)
		if n == nil {
			o.wrong(k, "%s 没有值", c.at(k.Value))
			continue
		}
		value, ok := o.scalar(n, c.at(k.Value))
		if !ok {
			continue
		}
		o.placeholders(n, value, c.at(k.Value), credentials)
		if place == InHeader {
			switch name := textproto.CanonicalMIMEHeaderKey(k.Value); {
			case !headerName.MatchString(k.Value):
				o.wrong(k, "%s 不能用作请求头的名称", quoted(k.Value))
			case name == "Host" || name == "Content-Length" || name == "Transfer-Encoding" || name == "Connection":
				o.wrong(k, "请求头 %s 由程序自己设置，请去掉", k.Value)
			case slices.Contains(credentialHeaders, name) && len(names(value)) == 0:
				o.wrong(k, "请求头 %s 里的凭据不能写在文件里：请用 auth（kind: static、basic 或 token），凭据放进 GUANKE_* 设置", k.Value)
			case strings.ContainsFunc(value, func(c rune) bool { return c < ' ' || c == 0x7f }):
				o.wrong(n, "请求头 %s 的值不能有换行等控制字符", k.Value)
			}
		}
		out = append(out, Param{Name: k.Value, Value: value})
	}
	return out
}

// credentialHeaders are headers that carry nothing but credentials, as
// textproto.CanonicalMIMEHeaderKey writes them.
var credentialHeaders = []string{
	"Authorization", "Proxy-Authorization", "Cookie", "X-Api-Key", "Api-Key", "Apikey", "X-Auth-Token", "X-Access-Token", "Access-Token", "Token",
}

// placeholders checks the ${…} of a text.
func (o *object) placeholders(n *yaml.Node, text, name string, allowed bool) {
	for _, p := range names(text) {
		switch {
		case settings[p] == "":
			o.wrong(n, "%s 里的 ${%s} 不认识，可以是 ${secret}、${username}、${password}", name, p)
		case !allowed:
			o.wrong(n, "%s 里不能有凭据 ${%s}；凭据只能写在 auth 里", name, p)
		}
	}
}

// get is the method of requests without a body.
const get = "GET"

// request reads the keys of a fixed request out of o.
func (o *object) request(credentials bool) Request {
	r := Request{Method: o.choice("method", get, "POST", "PUT"), Path: o.text("path")}
	switch n := o.get("path"); {
	case o == nil:
		return r
	case n == nil:
		o.wrong(o.node, "缺少 %s：接口的路径，例如 /tasks", o.at("path"))
	case !strings.HasPrefix(r.Path, "/") || strings.ContainsAny(r.Path, "?# ") || strings.Contains(r.Path, ".."):
		o.wrong(n, "%s 的值 %s 不对，应以 / 开头，不能有 ?、#、空格和 ..；查询参数写在 query 里", o.at("path"), quoted(r.Path))
	}
	r.Headers = o.params("headers", InHeader, credentials)
	r.Query = o.params("query", InQuery, credentials)
	r.Encoding = o.choice("encoding", "", "json", "form")
	n := o.get("body")
	if n == nil {
		return r
	}
	if r.Encoding == "" {
		r.Encoding = "json"
	}
	body, ok := o.json(n, o.at("body"), credentials, 0).(map[string]any)
	if !ok {
		o.wrong(n, "%s 应为一组“键: 值”", o.at("body"))
	}
	if r.Encoding == "form" {
		for name, v := range body {
			switch v.(type) {
			case map[string]any, []any:
				o.wrong(n, "%s.%s 应为一个值：表单没有列表和嵌套", o.at("body"), name)
			}
		}
	}
	r.Body = body
	return r
}

// checkBody reports a body that the method does not have.
func (o *object) checkBody(r *Request) {
	if o != nil && r.Encoding != "" && r.Method == get {
		o.wrong(o.node, "%s 用 GET 不能带请求体，请写 method: POST，或把参数放进 query", where(o.name))
	}
}

// json turns a value of the file into one of JSON.
func (o *object) json(n *yaml.Node, name string, credentials bool, depth int) any {
	if depth > 20 {
		o.wrong(n, "%s 嵌套太深", name)
		return nil
	}
	switch n.Kind {
	case yaml.MappingNode:
		c := o.object(n, name)
		out := make(map[string]any, len(c.keys))
		for _, k := range c.keys {
			out[k.Value] = o.json(c.values[k.Value], c.at(k.Value), credentials, depth+1)
		}
		return out
	case yaml.SequenceNode:
		out := make([]any, 0, len(n.Content))
		for _, item := range n.Content {
			out = append(out, o.json(item, name, credentials, depth+1))
		}
		return out
	case yaml.ScalarNode:
		switch n.ShortTag() {
		case "!!null":
			return nil
		case "!!bool":
			return strings.EqualFold(n.Value, "true")
		case "!!int", "!!float":
			if json.Valid([]byte(n.Value)) {
				return json.Number(n.Value)
			}
		}
		o.placeholders(n, n.Value, name, credentials)
		return n.Value
	}
	o.wrong(n, "%s 不能用 YAML 的锚点和别名", name)
	return nil
}

func (o *object) auth(m *Mapping) {
	a := &m.Auth
	n := o.required("auth", "怎样登录；不需要登录时写 auth: {kind: none}")
	c := o.object(n, "auth")
	if c == nil {
		return
	}
	a.Kind = AuthKind(c.choice("kind", string(AuthNone), string(AuthStatic), string(AuthBasic), string(AuthToken)))
	if c.get("kind") == nil {
		o.wrong(n, "缺少 auth.kind：可以是 none、static、basic、token")
		return
	}
	defer c.done()
	switch a.Kind {
	case AuthStatic:
		c.required("value", "要发送的内容，例如 ${secret}")
		a.Value = c.text("value")
		if v := c.get("value"); v != nil {
			c.placeholders(v, a.Value, "auth.value", true)
			if len(names(a.Value)) == 0 {
				c.wrong(v, "auth.value 里没有 ${secret}、${username} 或 ${password}：凭据不能写在文件里，请放进 GUANKE_API_SECRET")
			}
		}
	case AuthToken:
		c.tokenRequests(m)
	}
	if a.Kind != AuthStatic && a.Kind != AuthToken {
		return
	}
	a.In, a.Name = InHeader, "Authorization"
	if s := c.child("send"); s != nil {
		a.In = Place(s.choice("in", string(InHeader), string(InQuery), string(InBody)))
		if name := s.paramName("name", a.In); name != "" {
			a.Name = name
		} else if a.In != InHeader {
			s.required("name", "参数的名称，例如 access_token")
		}
		a.Prefix = s.text("prefix")
		s.done()
	}
}

func (o *object) tokenRequests(m *Mapping) {
	a := &m.Auth
	o.required("requests", "取令牌的请求，可以有几种，用第一种凭据齐全的")
	for _, n := range o.list("requests") {
		q := o.object(n, "auth.requests")
		if q == nil {
			continue
		}
		r := q.request(true)
		q.checkBody(&r)
		q.done()
		if len(r.Settings()) == 0 {
			o.wrong(n, "取令牌的请求里没有 ${secret}、${username} 或 ${password}：凭据不能写在文件里")
		}
		a.Requests = append(a.Requests, r)
	}
	a.Token = o.requiredExpr("token", "令牌在答复的什么地方，例如 .data.token")
	a.ExpiresIn = o.expr("expires_in")
	p := o.period("lifetime")
	a.Lifetime = p.Duration + time.Duration(p.Days)*24*time.Hour
	a.Envelope = m.Envelope
	if o.get("envelope") != nil {
		a.Envelope = o.envelope("envelope")
	}
}

func (o *object) envelope(key string) Envelope {
	var e Envelope
	c := o.child(key)
	if c == nil {
		return e
	}
	defer c.done()
	e.Success, e.Code, e.Message = c.expr("success"), c.expr("code"), c.expr("message")
	e.Codes = c.classes("codes", Classes{})
	if s := c.child("messages"); s != nil {
		e.Messages = Messages{Passing: s.patterns("passing"), Expired: s.patterns("expired"), Credentials: s.patterns("credentials")}
		s.done()
	}
	switch {
	case e.Code == nil && c.values["codes"] != nil:
		c.wrong(c.values["codes"], "有 %s 就要有 %s：错误码在答复的什么地方", c.at("codes"), c.at("code"))
	case e.Code != nil && e.Success == nil && e.Codes.Success.Empty():
		c.wrong(c.node, "%s 不知道怎样算成功：请写 codes.success（例如 [0]），或 success（例如 .ok == true）", c.name)
	case e.Message == nil && c.values["messages"] != nil:
		c.wrong(c.values["messages"], "有 %s 就要有 %s：消息在答复的什么地方", c.at("messages"), c.at("message"))
	}
	return e
}

func (o *object) patterns(key string) []*regexp.Regexp {
	var out []*regexp.Regexp
	for _, n := range o.list(key) {
		s, ok := o.scalar(n, o.at(key))
		if !ok {
			continue
		}
		re, err := regexp.Compile(s)
		if err != nil {
			o.wrong(n, "%s 的正则表达式 %s 不能编译：%v", o.at(key), quoted(s), err)
			continue
		}
		out = append(out, re)
	}
	return out
}

// classes reads sets of codes; the ones that are absent are those of fallback.
func (o *object) classes(key string, fallback Classes) Classes {
	c := o.child(key)
	if c == nil {
		return fallback
	}
	defer c.done()
	read := func(key string, fallback Codes) Codes {
		if c.get(key) == nil {
			return fallback
		}
		var set Codes
		for _, n := range c.list(key) {
			if s, ok := c.scalar(n, c.at(key)); ok {
				if err := set.add(s); err != nil {
					c.wrong(n, "%s 的%v", c.at(key), err)
				}
			}
		}
		return set
	}
	return Classes{
		Success: read("success", fallback.Success), Passing: read("passing", fallback.Passing),
		Expired: read("expired", fallback.Expired), Credentials: read("credentials", fallback.Credentials),
	}
}

// http reads the classes of HTTP statuses.
func (o *object) http(key string) Classes {
	c := o.classes(key, Classes{
		Success: codes("200", "201", "206"), Passing: codes("429", "500-599"), Expired: codes("401"), Credentials: codes("403"),
	})
	sets := []Codes{c.Success, c.Passing, c.Expired, c.Credentials}
	if slices.ContainsFunc(sets, func(s Codes) bool { return !s.Numbers() }) {
		o.wrong(o.values[key], "%s 里只能有 HTTP 状态码，例如 429、500-599", o.at(key))
	}
	if c.Success.Empty() {
		o.wrong(o.values[key], "%s.success 不能为空", o.at(key))
	}
	return c
}
