package check

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tasksync/guanke"
	"tasksync/guanke/mapping"
)

const (
	// outlineDepth and outlineNames bound how much of an answer is described.
	outlineDepth = 4
	outlineNames = 24
	longestLine  = 700
)

// parse decodes an answer; nil if it is no JSON.
func parse(body []byte) any {
	v, err := guanke.Decode(body)
	if err != nil {
		return nil
	}
	return v
}

// outline describes the shape of a JSON value without any value in it.
func outline(v any) string {
	text := shape(v, 0)
	if r := []rune(text); len(r) > longestLine {
		text = string(r[:longestLine]) + "…"
	}
	return text
}

func shape(v any, depth int) string {
	switch v := v.(type) {
	case map[string]any:
		if depth >= outlineDepth {
			return "{…}"
		}
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if len(parts) == outlineNames {
				parts = append(parts, "…")
				break
			}
			parts = append(parts, cut(name, 40)+": "+shape(v[name], depth+1))
			if keyed(name, v) && len(v) > 1 {
				parts = append(parts, fmt.Sprintf("…共 %d 个", len(v)))
				break
			}
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case []any:
		if len(v) == 0 {
			return "空列表"
		}
		return fmt.Sprintf("[%d 个 %s]", len(v), shape(v[0], depth+1))
	}
	return kind(v)
}

// kind is the type of a JSON value for people.
func kind(v any) string {
	switch v := v.(type) {
	case nil:
		return "空"
	case bool:
		return "真假"
	case string:
		return "文本"
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return "小数"
		}
		return "整数"
	case []any:
		return "列表"
	case map[string]any:
		return "对象"
	}
	return "数"
}

// cut shows a foreign text on one line and not too long.
func cut(s string, limit int) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "�")), " ")
	if r := []rune(s); len(r) > limit {
		return string(r[:limit]) + "…"
	}
	return s
}

// found is a value in an answer and where it stands.
type found struct {
	path  mapping.Path
	value any
}

// find walks an answer down to a few levels, objects only, and answers the
// values that want takes.
func find(v any, want func(name string, v any) bool) []found {
	var out []found
	var walk func(path mapping.Path, v any)
	walk = func(path mapping.Path, v any) {
		name := ""
		if len(path) > 0 {
			name = path[len(path)-1]
		}
		if want(name, v) {
			out = append(out, found{slices.Clone(path), v})
		}
		in, ok := v.(map[string]any)
		if !ok || len(path) > outlineDepth {
			return
		}
		for _, key := range slices.Sorted(maps.Keys(in)) {
			walk(append(path, key), in[key])
		}
	}
	walk(nil, v)
	return out
}

// lists are the lists of objects in an answer.
func lists(v any) []found {
	return find(v, func(_ string, v any) bool {
		l, ok := v.([]any)
		if !ok || len(l) == 0 {
			return false
		}
		_, ok = l[0].(map[string]any)
		return ok
	})
}

// keyed reports whether v is an object whose members are objects under keys that
// look like ids: a list of another kind.
func keyed(_ string, v any) bool {
	in, ok := v.(map[string]any)
	for key, item := range in {
		if _, ok := item.(map[string]any); !ok || !strings.ContainsAny(key, "0123456789") {
			return false
		}
	}
	return ok && len(in) > 0
}

// named are the numbers or texts in an answer whose name has one of the words.
func named(v any, words ...string) []found {
	return find(v, func(name string, v any) bool {
		switch v.(type) {
		case json.Number, string:
		default:
			return false
		}
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(strings.ToLower(name), w) })
	})
}

func paths(all []found) string {
	var out []string
	for _, f := range all {
		out = append(out, f.path.String())
	}
	return strings.Join(out, "、")
}
