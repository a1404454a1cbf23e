package mapping

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/itchyny/gojq"
)

// Path names a value by the members that lead to it; an empty one is the value
// itself.
type Path []string

// String writes the path as jq does.
func (p Path) String() string {
	if len(p) == 0 {
		return "."
	}
	var b strings.Builder
	for _, name := range p {
		if plainName(name) {
			b.WriteString("." + name)
			continue
		}
		fmt.Fprintf(&b, ".%q", name)
	}
	return b.String()
}

func plainName(s string) bool {
	for i, c := range []byte(s) {
		if c != '_' && (c|0x20 < 'a' || c|0x20 > 'z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// Expr is a compiled expression. It is safe for use by several goroutines.
type Expr struct {
	// Text is the expression as it was written.
	Text string
	// Paths are the alternatives of an expression that is nothing but a path
	// or a choice of paths; nil if it is more.
	Paths []Path
	// Consumes are the paths whose values the expression uses. What it reaches
	// in other ways, such as by iterating, is not among them.
	Consumes []Path

	code *gojq.Code
}

// Simple reports whether the expression is only a path or a choice of paths.
func (e *Expr) Simple() bool { return e.Paths != nil }

// Label is what people read: the path without its dot, or the expression.
func (e *Expr) Label() string {
	if len(e.Paths) == 1 && len(e.Paths[0]) > 0 {
		return strings.Join(e.Paths[0], ".")
	}
	return e.Text
}

// errMany is the error of an expression with several results, of which no one
// can be chosen in silence.
var errMany = errors.New("给出了不止一个值；只要一个时写成 first(…)，要一个列表时放进方括号 […]")

// Eval runs the expression on v, a value as gojq takes it, and answers its
// result; nil if there is none.
func (e *Expr) Eval(ctx context.Context, v any) (any, error) {
	results := e.code.RunWithContext(ctx, v)
	out, ok := results.Next()
	if !ok {
		return nil, nil
	}
	err, failed := out.(error)
	if !failed {
		if second, more := results.Next(); more {
			if err, failed := second.(error); failed {
				return nil, err
			}
			return nil, errMany
		}
		return out, nil
	}
	var halt *gojq.HaltError
	if errors.As(err, &halt) && halt.Value() == nil {
		return nil, nil
	}
	return nil, err
}

// refusedFuncs would make an expression depend on more than its input.
var refusedFuncs = []string{
	"env", "$ENV", "input", "inputs", "input_filename", "input_line_number", "now", "localtime", "strflocaltime",
	"debug", "stderr", "halt", "halt_error", "get_search_list", "modulemeta", "$__loc__", "$__prog_args",
}

// compile makes an Expr, or says in Chinese why it cannot.
func compile(text string) (*Expr, error) {
	query, err := gojq.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("表达式 %s 写得不对：%s", quoted(text), parseTrouble(err, text))
	}
	if len(query.Imports) > 0 || query.Meta != nil {
		return nil, fmt.Errorf("表达式 %s 不能用 import、include 和 module", quoted(text))
	}
	if name := refusedFunc(query); name != "" {
		return nil, fmt.Errorf("表达式 %s 不能用 %s：同样的答复必须总是得到同样的任务", quoted(text), name)
	}
	if name, ok := missingDot(query); ok {
		return nil, fmt.Errorf("表达式 %s 不是路径：路径以 . 开头，例如 .%s", quoted(text), name)
	}
	code, err := gojq.Compile(query)
	if err != nil {
		return nil, fmt.Errorf("表达式 %s 不能编译：%s", quoted(text), compileTrouble(err))
	}
	e := &Expr{Text: text, code: code}
	if paths, ok := simplePaths(query); ok {
		e.Paths, e.Consumes = paths, paths
		return e, nil
	}
	var c consumer
	c.use(c.query(query, Path{}))
	e.Consumes = c.found
	return e, nil
}

func parseTrouble(err error, text string) string {
	var at *gojq.ParseError
	if !errors.As(err, &at) || at.Token == "" {
		return "没有写完"
	}
	if strings.HasPrefix(text, "$") {
		return "这是 JSONPath 的写法；这里用 jq 的，路径以 . 开头，例如 .data.list"
	}
	if r, _ := utf8.DecodeRuneInString(at.Token); r >= utf8.RuneSelf {
		return fmt.Sprintf("%s 不是英文：有中文等字符的名称要放进引号，例如 .\"任务名\"", quoted(at.Token))
	}
	before := text[:min(max(at.Offset-len(at.Token), 0), len(text))]
	return fmt.Sprintf("第 %d 个字符处的 %s 多余或用错了地方", len([]rune(before))+1, quoted(at.Token))
}

// missingDot finds a query that is only a word, which was meant as a path.
func missingDot(q *gojq.Query) (string, bool) {
	if q.Op != 0 || q.Term == nil || q.Term.Type != gojq.TermTypeFunc || len(q.Term.Func.Args) > 0 {
		return "", false
	}
	name := q.Term.Func.Name
	if _, err := gojq.Compile(q); err == nil || !plainName(name) {
		return "", false
	}
	return name, true
}

func compileTrouble(err error) string {
	if name, ok := strings.CutPrefix(err.Error(), "function not defined: "); ok {
		return fmt.Sprintf("没有函数 %s（斜杠后面是参数的个数）；字段的路径以 . 开头", name)
	}
	if name, ok := strings.CutPrefix(err.Error(), "variable not defined: "); ok {
		return "没有变量 " + name
	}
	return err.Error()
}

// quoted shows a piece of the file, cut to a readable length.
func quoted(s string) string {
	if r := []rune(s); len(r) > 60 {
		s = string(r[:60]) + "…"
	}
	return fmt.Sprintf("%q", s)
}

// refusedFunc is the first refused function that the query calls; "" if none.
func refusedFunc(query *gojq.Query) string {
	found := ""
	var walk func(reflect.Value)
	walk = func(v reflect.Value) {
		if found != "" {
			return
		}
		switch v.Kind() {
		case reflect.Pointer, reflect.Interface:
			if v.IsNil() {
				return
			}
			if f, ok := v.Interface().(*gojq.Func); ok && slices.Contains(refusedFuncs, f.Name) {
				found = f.Name
				return
			}
			walk(v.Elem())
		case reflect.Struct:
			for i := range v.NumField() {
				walk(v.Field(i))
			}
		case reflect.Slice:
			for i := range v.Len() {
				walk(v.Index(i))
			}
		}
	}
	walk(reflect.ValueOf(query))
	return found
}
