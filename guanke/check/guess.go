package check

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"tasksync/guanke/mapping"
)

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

// suggest names members of the entries that may be a field that the mapping
// did not find.
func (c *checker) suggest(f mapping.Field, entries []any) []string {
	for _, entry := range entries {
		if v, err := c.m.Fields[f].Eval(context.Background(), entry); err == nil && v != nil {
			return nil
		}
	}
	paths := candidates(f, entries)
	if paths == "" {
		return nil
	}
	return []string{fmt.Sprintf("%s（fields.%s）可能是 %s", fieldLabels[f], mapping.FieldKeys[f], paths)}
}

// guess is suggest for a field that the mapping does not have.
func (c *checker) guess(f mapping.Field, entries []any) string {
	if paths := candidates(f, entries); paths != "" && !slices.Contains(rare, f) {
		return "，可能是 " + paths
	}
	return ""
}

// candidates are the members of the entries, and of the objects in them, whose
// names are likely for a field.
func candidates(f mapping.Field, entries []any) string {
	names := map[string]bool{}
	add := func(path mapping.Path, v any) {
		lower := strings.ToLower(path[len(path)-1])
		if _, inner := v.(map[string]any); inner {
			return
		}
		if slices.ContainsFunc(likely[f], func(w string) bool { return strings.Contains(lower, w) }) {
			names[path.String()] = true
		}
	}
	for _, entry := range entries[:min(len(entries), 100)] {
		outer, _ := entry.(map[string]any)
		for name, v := range outer {
			add(mapping.Path{name}, v)
			inner, _ := v.(map[string]any)
			for second, w := range inner {
				add(mapping.Path{name, second}, w)
			}
		}
	}
	all := slices.SortedFunc(maps.Keys(names), func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
	return strings.Join(all[:min(len(all), 6)], "、")
}

// layouts are how sources write times.
var layouts = []string{
	time.DateTime, "2006-01-02T15:04:05", "2006/01/02 15:04:05", "2006-01-02 15:04", "2006/01/02 15:04", "2006-01-02 15:04:05.000",
	"2006-01-02T15:04:05.000", "20060102150405", time.DateOnly, "2006/01/02", "20060102", "2006-01-02 15:04:05 -0700",
	"2006-01-02T15:04:05-0700", "2006-01-02T15:04:05.000-0700", "02/01/2006 15:04:05", "02/01/2006 15:04", "01/02/2006 15:04:05",
	"01/02/2006 15:04", time.RFC1123, time.RFC1123Z,
}

// timeAdvice guesses how the source writes the creation time.
func (c *checker) timeAdvice(e *mapping.Expr, entries []any) []string {
	var all []any
	for _, entry := range entries {
		if v, err := e.Eval(context.Background(), entry); err == nil && v != nil {
			all = append(all, v)
		}
	}
	if len(all) == 0 {
		return nil
	}
	format := timeFormat(all)
	if whole, _, cut := strings.Cut(fmt.Sprint(all[0]), "."); format == "" && cut && isTime(mapping.TimeUnix, whole) {
		return []string{fmt.Sprintf("创建时间是带小数的秒，例如 %s：在映射里写 fields.created_at: {path: '%s | tonumber * 1000 | floor', format: unix_ms}", show(all[0]), e.Text)}
	}
	if format == "" {
		return []string{fmt.Sprintf("创建时间写成 %s：在映射的 fields.created_at 里写对应的 format（Go 的时间格式）", show(all[0]))}
	}
	return []string{fmt.Sprintf("创建时间写成 %s：在映射里写 fields.created_at: {path: %s, format: %q}", show(all[0]), e.Text, format)}
}

// timeFormat is the first format in which all values are times; "" if there is
// none.
func timeFormat(all []any) string {
	for _, format := range append([]string{mapping.TimeUnix, mapping.TimeUnixMS, mapping.TimeRFC3339}, layouts...) {
		if !slices.ContainsFunc(all, func(v any) bool { return !isTime(format, fmt.Sprint(v)) }) {
			return format
		}
	}
	return ""
}

func isTime(format, text string) bool {
	n, err := strconv.ParseFloat(text, 64)
	switch format {
	case mapping.TimeUnix:
		return err == nil && n == math.Trunc(n) && n >= 946_684_800 && n < 4_102_444_800
	case mapping.TimeUnixMS:
		return err == nil && n == math.Trunc(n) && n >= 946_684_800_000 && n < 4_102_444_800_000
	case mapping.TimeRFC3339:
		format = time.RFC3339Nano
	}
	_, err = time.Parse(format, text)
	return err == nil
}
