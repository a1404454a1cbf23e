package guanke

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// MaxAttributes bounds the attributes of a task, in bytes. Beyond it the
// members that still fit are kept, in the order of their names, and the names
// of the others stand in omittedName.
const MaxAttributes = 16 << 10

// omittedName is the attribute that names those that had no room.
const omittedName = `"_omitted"`

// leftovers are the members of an entry that no expression uses.
type leftovers struct {
	items []leftover
	// path are the names of the objects that the reader is in, first is where
	// the items of the outermost begin.
	path  []string
	first int
	outer []byte
	// muted is how many of them are not kept.
	muted int
	// arena holds the attributes of the tasks of one answer.
	arena []byte
}

type leftover struct {
	// name is quoted, value is a JSON value; both as the source wrote them.
	name, value []byte
	// path leads to the member within the outermost object.
	path []string
}

func (l *leftovers) reset() {
	l.items, l.path, l.muted = l.items[:0], l.path[:0], 0
}

// add notes a member. name and value must stay as they are.
func (l *leftovers) add(name, value []byte) {
	switch {
	case l.muted > 0:
	case len(l.path) == 0:
		l.items = append(l.items, leftover{name: name, value: value})
	default:
		inner, _ := text(name)
		l.items = append(l.items, leftover{value: value, path: append(slices.Clone(l.path[1:]), inner)})
	}
}

// enter goes into an object that has members of its own in the mapping; muted
// is true if the others in it are not kept.
func (l *leftovers) enter(name []byte, muted bool) {
	if len(l.path) == 0 {
		l.first, l.outer = len(l.items), name
	}
	inner, _ := text(name)
	l.path = append(l.path, inner)
	if muted || l.muted > 0 {
		l.muted++
	}
}

// leave goes out again. What was left over in the outermost object becomes one
// member.
func (l *leftovers) leave() {
	l.path = l.path[:len(l.path)-1]
	l.muted = max(l.muted-1, 0)
	if len(l.path) > 0 || len(l.items) == l.first {
		return
	}
	tree := make(map[string]any)
	for _, item := range l.items[l.first:] {
		value, err := decodeValue(item.value)
		if err != nil {
			value = "…" // Nested too deeply to be kept.
		}
		at := tree
		for _, name := range item.path[:len(item.path)-1] {
			next, ok := at[name].(map[string]any)
			if !ok {
				next = make(map[string]any)
				at[name] = next
			}
			at = next
		}
		at[item.path[len(item.path)-1]] = value
	}
	l.items = append(l.items[:l.first], leftover{name: l.outer, value: encodeValue(nil, tree)})
}

// attributes is a JSON object of the members: sorted by name, numbers with
// their digits, texts as the database can store them; nil if there are none.
func (l *leftovers) attributes() json.RawMessage {
	if len(l.items) == 0 {
		return nil
	}
	for i := range l.items {
		l.items[i].name = cleanName(l.items[i].name)
	}
	slices.SortStableFunc(l.items, func(a, b leftover) int { return bytes.Compare(a.name, b.name) })

	const reserve = 1 << 10 // For the names of those that have no room.
	start := len(l.arena)
	out := append(l.arena, '{')
	var omitted [][]byte
	for i, item := range l.items {
		if i+1 < len(l.items) && bytes.Equal(item.name, l.items[i+1].name) {
			continue // The last one counts.
		}
		before := len(out)
		if before-start+len(item.name)+len(item.value) <= MaxAttributes-reserve || len(item.value) <= 4*MaxAttributes {
			out = append(append(out, item.name...), ':')
			var ok bool
			if out, ok = appendStorable(out, item.value); ok && len(out)-start <= MaxAttributes-reserve {
				out = append(out, ',')
				continue
			}
			out = out[:before]
		}
		omitted = append(omitted, item.name)
	}
	out = appendOmitted(out, omitted)
	out[len(out)-1] = '}'
	l.arena = out
	return json.RawMessage(out[start:len(out):len(out)])
}

// appendOmitted adds the names, as many as the reserve has room for.
func appendOmitted(out []byte, names [][]byte) []byte {
	if len(names) == 0 {
		return out
	}
	out = append(append(out, omittedName...), ":["...)
	room := 900
	for i, name := range names {
		s, _ := text(name)
		quoted := appendText(nil, cut(s, 60))
		if room -= len(quoted) + 1; room < 0 {
			break
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, quoted...)
	}
	return append(out, "],"...)
}

// cleanName is a quoted name as the database can store it.
func cleanName(name []byte) []byte {
	if bytes.IndexByte(name, '\\') < 0 {
		return name
	}
	s, _ := text(name)
	return appendText(nil, storableText(s))
}

// appendStorable appends a value in one form only, whatever the source's
// spaces, escapes and order were. It is false for one that cannot be kept.
func appendStorable(out []byte, v jsontext.Value) ([]byte, bool) {
	switch v.Kind() {
	case '"':
		if bytes.IndexByte(v, '\\') < 0 {
			return append(out, v...), true
		}
		s, _ := text(v)
		return appendText(out, storableText(s)), true
	case '0':
		if storableNumber(string(v)) {
			return append(out, v...), true
		}
		return appendText(out, string(v)), true
	case '{', '[':
		whole, err := decodeValue(v)
		if err != nil {
			return out, false
		}
		if whole, ok := storable(whole, 0); ok {
			return encodeValue(out, whole), true
		}
		return out, false
	}
	return append(out, v...), true
}
