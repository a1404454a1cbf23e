package check

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"tasksync/guanke/mapping"
	"tasksync/task"
)

// fieldLabels are what people call the fields.
var fieldLabels = [mapping.FieldCount]string{
	"任务编号", "任务名称", "状态", "总数", "外呼数", "接通数", "成功数", "创建时间", "数据包编码", "数据包编号",
}

// needed are the fields without which an entry is no task.
var needed = []mapping.Field{mapping.FieldID, mapping.FieldName, mapping.FieldCreatedAt}

// rare are the fields that few tasks have.
var rare = []mapping.Field{mapping.FieldPackageCode, mapping.FieldPackageID}

// likely are words in the names that sources give to a field.
var likely = [mapping.FieldCount][]string{
	{"id", "uuid", "no"},
	{"name", "title", "subject"},
	{"state", "status"},
	{"total", "count", "size"},
	{"call", "dial", "out"},
	{"connect", "answer"},
	{"success", "deal", "intent"},
	{"creat", "time", "date", "gmt", "at"},
	{"package", "batch", "code"},
	{"package", "batch"},
}

// fields looks at what became of the entries.
func (c *checker) fields(ctx context.Context) bool {
	if c.seen.entries() == 0 {
		return c.done(Step{Name: "映射", Status: Skip, Message: "没有任务可以用来检查"})
	}
	entries := c.entries(ctx)
	ok := c.rejects(entries)
	ok = c.matched(ctx, entries) && ok
	c.leftOver()
	if len(c.seen.tasks) > 0 {
		c.report.Sample = &c.seen.tasks[0]
	}
	return ok
}

// entries are the entries of the first page as the source wrote them.
func (c *checker) entries(ctx context.Context) []any {
	items, err := c.m.List.Items.Eval(ctx, parse(c.body))
	if err != nil {
		return nil
	}
	out, _ := items.([]any)
	return out
}

// rejects groups what is no task by its reason.
func (c *checker) rejects(entries []any) bool {
	const name = "无效的条目"
	if len(c.seen.rejects) == 0 {
		return c.done(Step{Name: name, Status: OK, Message: fmt.Sprintf("%d 条都是有效的任务", len(c.seen.tasks))})
	}
	byReason := map[string][]task.Reject{}
	for _, r := range c.seen.rejects {
		byReason[r.Reason] = append(byReason[r.Reason], r)
	}
	s := Step{Name: name, Status: Warn, Message: fmt.Sprintf("%d 条里有 %d 条无效，同步时各自记为失败，不影响别的任务", c.seen.entries(), len(c.seen.rejects))}
	if len(c.seen.tasks) == 0 {
		s.Status, s.Message = Fail, fmt.Sprintf("%d 条全部无效", len(c.seen.rejects))
	}
	reasons := slices.SortedFunc(maps.Keys(byReason), func(a, b string) int { return len(byReason[b]) - len(byReason[a]) })
	for _, reason := range reasons[:min(len(reasons), 5)] {
		one := byReason[reason][0]
		s.Details = append(s.Details, fmt.Sprintf("%d 条：%s。例如 %s", len(byReason[reason]), reason, cut(string(one.Payload), 200)))
	}
	if e := c.m.Fields[mapping.FieldCreatedAt]; e != nil && strings.Contains(strings.Join(reasons, " "), "创建时间") {
		s.Advice = append(s.Advice, c.timeAdvice(e, entries)...)
	}
	if s.Status == Fail {
		for _, f := range needed {
			s.Advice = append(s.Advice, c.suggest(f, entries)...)
		}
	}
	return c.done(s)
}

// matched counts for each field how many entries have it, and of what type.
func (c *checker) matched(ctx context.Context, entries []any) bool {
	s := Step{Name: "映射", Status: OK}
	var none []string
	for f, e := range c.m.Fields {
		if e == nil {
			s.Details = append(s.Details, fmt.Sprintf("– %s：映射里没有（fields.%s）", fieldLabels[f], mapping.FieldKeys[f]))
			continue
		}
		kinds, example := map[string]int{}, any(nil)
		for _, entry := range entries {
			v, err := e.Eval(ctx, entry)
			if err != nil {
				kinds["算不出来"]++
				continue
			}
			kinds[kind(v)]++
			if example == nil && v != nil {
				example = v
			}
		}
		if example == nil && slices.Contains(rare, mapping.Field(f)) {
			s.Details = append(s.Details, fmt.Sprintf("– %s ← %s：%d 条里都没有值（可以没有）", fieldLabels[f], e.Text, len(entries)))
			continue
		}
		if example == nil {
			none = append(none, fmt.Sprintf("fields.%s（%s）", mapping.FieldKeys[f], e.Text))
			s.Details = append(s.Details, fmt.Sprintf("! %s ← %s：%d 条里都没有值", fieldLabels[f], e.Text, len(entries)))
			if slices.Contains(needed, mapping.Field(f)) {
				s.Status = Fail
			} else if s.Status == OK {
				s.Status = Warn
			}
			s.Advice = append(s.Advice, c.suggest(mapping.Field(f), entries)...)
			continue
		}
		s.Details = append(s.Details, fmt.Sprintf("✓ %s ← %s：%s，例如 %s", fieldLabels[f], e.Text, counts(kinds), show(example)))
	}
	s.Message = fmt.Sprintf("%d 条里，映射的字段都有值", len(entries))
	if len(none) > 0 {
		s.Message = "没有取到值的字段：" + strings.Join(none, "、")
	}
	return c.done(s)
}

func counts(kinds map[string]int) string {
	var out []string
	for _, k := range slices.SortedFunc(maps.Keys(kinds), func(a, b string) int { return kinds[b] - kinds[a] }) {
		out = append(out, fmt.Sprintf("%s %d", k, kinds[k]))
	}
	return strings.Join(out, "，")
}

// show writes a value as JSON on one line.
func show(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return kind(v)
	}
	return cut(string(text), 60)
}

// suggest names members of the entries that may be a field that the mapping
// did not find.
func (c *checker) suggest(f mapping.Field, entries []any) []string {
	for _, entry := range entries {
		if e := c.m.Fields[f]; e != nil {
			if v, err := e.Eval(context.Background(), entry); err == nil && v != nil {
				return nil
			}
		}
	}
	names := map[string]bool{}
	for _, entry := range entries {
		if in, ok := entry.(map[string]any); ok {
			for name := range in {
				names[name] = true
			}
		}
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		lower := strings.ToLower(name)
		if slices.ContainsFunc(likely[f], func(w string) bool { return strings.Contains(lower, w) }) {
			out = append(out, mapping.Path{name}.String())
		}
	}
	if len(out) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s（fields.%s）可能是 %s", fieldLabels[f], mapping.FieldKeys[f], strings.Join(out[:min(len(out), 6)], "、"))}
}

// layouts are how sources write times.
var layouts = []string{
	time.DateTime, "2006-01-02T15:04:05", "2006/01/02 15:04:05", "2006-01-02 15:04", "2006-01-02 15:04:05.000", "2006-01-02T15:04:05.000",
	"20060102150405", time.DateOnly, "2006-01-02 15:04:05 -0700", "2006-01-02T15:04:05-0700",
}

// timeAdvice guesses how the source writes the creation time.
func (c *checker) timeAdvice(e *mapping.Expr, entries []any) []string {
	for _, entry := range entries {
		v, err := e.Eval(context.Background(), entry)
		if err != nil || v == nil {
			continue
		}
		format := timeFormat(v)
		if format == "" {
			return []string{fmt.Sprintf("创建时间写成 %s：在映射的 fields.created_at 里写对应的 format", show(v))}
		}
		return []string{fmt.Sprintf("创建时间写成 %s：在映射里写 fields.created_at: {path: %s, format: %q}", show(v), e.Text, format)}
	}
	return nil
}

func timeFormat(v any) string {
	text := fmt.Sprint(v)
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		switch {
		case n >= 946_684_800 && n < 4_102_444_800 && n == math.Trunc(n):
			return "unix"
		case n >= 946_684_800_000 && n < 4_102_444_800_000 && n == math.Trunc(n):
			return "unix_ms"
		}
	}
	if _, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return "rfc3339"
	}
	for _, layout := range layouts {
		if _, err := time.Parse(layout, text); err == nil {
			return layout
		}
	}
	return ""
}

// leftOver lists what the mapping does not name.
func (c *checker) leftOver() {
	type seen struct {
		n       int
		kinds   map[string]int
		example any
	}
	all := map[string]*seen{}
	for _, t := range c.seen.tasks {
		attributes, _ := parse(t.Attributes).(map[string]any)
		for name, v := range attributes {
			a := all[name]
			if a == nil {
				a = &seen{kinds: map[string]int{}, example: v}
				all[name] = a
			}
			a.n++
			a.kinds[kind(v)]++
		}
	}
	if len(all) == 0 {
		return
	}
	s := Step{Name: "其余字段", Status: OK, Message: fmt.Sprintf("映射没有提到的 %d 个字段会原样存进 attributes；不要的写进 ignore", len(all))}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if len(s.Details) == 30 {
			s.Details = append(s.Details, "…")
			break
		}
		a := all[name]
		s.Details = append(s.Details, fmt.Sprintf("%s：%s，例如 %s", mapping.Path{name}, counts(a.kinds), show(a.example)))
	}
	c.done(s)
}
