package check

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

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
		s.Details = append(s.Details, fmt.Sprintf("%d 条：%s。例如 %s", len(byReason[reason]), reason, excerpt(one.Payload)))
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
			s.Details = append(s.Details, fmt.Sprintf("– %s：映射里没有（fields.%s）%s", fieldLabels[f], mapping.FieldKeys[f], c.guess(mapping.Field(f), entries)))
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

// excerpt is a reject's payload, as far as people need it.
func excerpt(payload []byte) string {
	if v := parse(payload); v != nil {
		if text, err := json.Marshal(v); err == nil {
			payload = text
		}
	}
	return cut(string(payload), 200)
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
