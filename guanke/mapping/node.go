package mapping

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// reader collects the problems of one file.
type reader struct{ problems []Problem }

// wrong notes a problem at n; nil is the beginning of the file.
func (r *reader) wrong(n *yaml.Node, format string, args ...any) {
	p := Problem{Line: 1, Column: 1, Text: fmt.Sprintf(format, args...)}
	if n != nil && n.Line > 0 {
		p.Line, p.Column = n.Line, n.Column
	}
	r.problems = append(r.problems, p)
}

// object is a mapping of the file. Its methods read one key each; done reports
// the keys that nobody asked for. A nil object has no keys.
type object struct {
	*reader
	// name is where the object stands, "" for the whole file.
	name   string
	node   *yaml.Node
	values map[string]*yaml.Node
	keys   []*yaml.Node
	asked  []string
}

// object reads n as an object; nil if it is none, which is reported.
func (r *reader) object(n *yaml.Node, name string) *object {
	if n == nil {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		if n.Kind != 0 {
			r.wrong(n, "%s 应为一组“键: 值”", where(name))
		}
		return nil
	}
	o := &object{reader: r, name: name, node: n, values: make(map[string]*yaml.Node)}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind != yaml.ScalarNode {
			r.wrong(key, "%s 的键应为文本", where(name))
			continue
		}
		if o.values[key.Value] != nil {
			r.wrong(key, "键 %s 重复了，请只留一个", quoted(key.Value))
			continue
		}
		o.values[key.Value] = value
		o.keys = append(o.keys, key)
	}
	return o
}

func where(name string) string {
	if name == "" {
		return "文件"
	}
	return name
}

func (o *object) at(key string) string {
	if o == nil || o.name == "" {
		return key
	}
	return o.name + "." + key
}

// get is the value of key; nil if it is absent, empty or null.
func (o *object) get(key string) *yaml.Node {
	if o == nil {
		return nil
	}
	o.asked = append(o.asked, key)
	n := o.values[key]
	if n != nil && n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" {
		return nil
	}
	return n
}

// required is get, and reports a key that is absent.
func (o *object) required(key, why string) *yaml.Node {
	n := o.get(key)
	if n == nil && o != nil {
		o.wrong(o.node, "缺少 %s：%s", o.at(key), why)
	}
	return n
}

// done reports unknown keys.
func (o *object) done() {
	if o == nil {
		return
	}
	for _, key := range o.keys {
		if slices.Contains(o.asked, key.Value) {
			continue
		}
		known := slices.Clone(o.asked)
		slices.Sort(known)
		o.wrong(key, "不认识的键 %s；%s 里可以有：%s", quoted(key.Value), where(o.name), strings.Join(slices.Compact(known), "、"))
	}
}

func (o *object) child(key string) *object {
	n := o.get(key)
	if n == nil {
		return nil
	}
	return o.object(n, o.at(key))
}

// scalar is the text of n; false, reported, if n is a list or an object.
func (o *object) scalar(n *yaml.Node, name string) (string, bool) {
	if n.Kind != yaml.ScalarNode {
		o.wrong(n, "%s 应为一个值，不能是列表或一组键", name)
		return "", false
	}
	return n.Value, true
}

// scalarOrNot is scalar without a report.
func (o *object) scalarOrNot(n *yaml.Node) (string, bool) {
	return n.Value, n.Kind == yaml.ScalarNode
}

func (o *object) text(key string) string {
	n := o.get(key)
	if n == nil {
		return ""
	}
	s, _ := o.scalar(n, o.at(key))
	return s
}

// paramName is a text that a header or a parameter can be called.
func (o *object) paramName(key string, place Place) string {
	s := o.text(key)
	if s != "" && place == InHeader && !headerName.MatchString(s) {
		o.wrong(o.values[key], "%s 的值 %s 不能用作请求头的名称", o.at(key), quoted(s))
	}
	return s
}

var headerName = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")

// choice is a text out of allowed; the first of them where it is absent.
func (o *object) choice(key string, allowed ...string) string {
	n := o.get(key)
	if n == nil {
		return allowed[0]
	}
	s, ok := o.scalar(n, o.at(key))
	if ok && !slices.Contains(allowed, s) {
		o.wrong(n, "%s 的值 %s 不对，可以是：%s", o.at(key), quoted(s), strings.Trim(strings.Join(allowed, "、"), "、"))
		return allowed[0]
	}
	return s
}

func (o *object) boolean(key string) bool {
	n := o.get(key)
	if n == nil {
		return false
	}
	s, ok := o.scalar(n, o.at(key))
	if ok && s != "true" && s != "false" {
		o.wrong(n, "%s 的值 %s 不对，应为 true 或 false", o.at(key), quoted(s))
	}
	return s == "true"
}

func (o *object) integer(key string, fallback, least, most int) int {
	n := o.get(key)
	if n == nil {
		return fallback
	}
	s, ok := o.scalar(n, o.at(key))
	if !ok {
		return fallback
	}
	i, err := strconv.Atoi(s)
	if err != nil || i < least || i > most {
		o.wrong(n, "%s 的值 %s 不对，应为 %d 到 %d 的整数", o.at(key), quoted(s), least, most)
		return fallback
	}
	return i
}

// period reads 7d, 12h, 30m, 1s or 1ms.
func (o *object) period(key string) Period {
	n := o.get(key)
	if n == nil {
		return Period{}
	}
	s, ok := o.scalar(n, o.at(key))
	if !ok {
		return Period{}
	}
	if days, isDays := strings.CutSuffix(s, "d"); isDays {
		if i, err := strconv.Atoi(days); err == nil && i >= 1 && i <= 3660 {
			return Period{Days: i}
		}
	} else if d, err := time.ParseDuration(s); err == nil && d >= time.Millisecond && d <= 3660*24*time.Hour {
		return Period{Duration: d}
	}
	o.wrong(n, "%s 的值 %s 不对，应为带单位的时长，例如 7d、12h、1s", o.at(key), quoted(s))
	return Period{}
}

func (o *object) expr(key string) *Expr {
	return o.compile(o.get(key), o.at(key))
}

func (o *object) requiredExpr(key, why string) *Expr {
	return o.compile(o.required(key, why), o.at(key))
}

func (o *object) compile(n *yaml.Node, name string) *Expr {
	if n == nil {
		return nil
	}
	if n.Kind != yaml.ScalarNode {
		o.wrong(n, "%s 应为一个表达式；以 [ 或 { 开头的要放进单引号", name)
		return nil
	}
	s := n.Value
	e, err := compile(s)
	if err != nil {
		o.wrong(n, "%s 的%v", name, err)
		return nil
	}
	return e
}

// list is the items of a list; a single value counts as a list of one.
func (o *object) list(key string) []*yaml.Node {
	n := o.get(key)
	switch {
	case n == nil:
		return nil
	case n.Kind == yaml.SequenceNode:
		return n.Content
	}
	return []*yaml.Node{n}
}
