package guanke

import (
	"bytes"
	"fmt"
)

// mendedDepth is how deep a mended answer is nested at most. A reader of JSON
// stops at some depth, and one entry's depth must not cost the whole page.
const mendedDepth = 1000

// notNumbers are what some writers of JSON write for numbers that it does not
// have.
var notNumbers = [...][]byte{[]byte("NaN"), []byte("Infinity"), []byte("-Infinity")}

// mended is body without what some sources write although JSON forbids it, so
// that one bad entry does not cost its page: a byte-order mark is dropped, a
// raw control character within a text becomes its escape, NaN and Infinity
// become texts, and what is nested too deep becomes null. It answers false
// where nothing had to be mended.
func mended(body []byte) ([]byte, bool) {
	rest, changed := bytes.CutPrefix(body, []byte("\xef\xbb\xbf"))
	out := make([]byte, 0, len(rest)+64)
	depth := 0
	keep := func(text []byte) {
		if depth <= mendedDepth {
			out = append(out, text...)
		}
	}
	for len(rest) > 0 {
		n := 1
		switch rest[0] {
		case '"':
			var text []byte
			var odd bool
			text, n, odd = mendedText(rest)
			changed = changed || odd
			keep(text)
		case '{', '[':
			depth++
			keep(rest[:1])
			if depth == mendedDepth+1 {
				out, changed = append(out, "null"...), true
			}
		case '}', ']':
			keep(rest[:1])
			depth--
		case 'N', 'I', '-':
			text := rest[:1]
			for _, word := range notNumbers {
				if bytes.HasPrefix(rest, word) {
					text, n, changed = fmt.Appendf(nil, "%q", word), len(word), true
				}
			}
			keep(text)
		default:
			keep(rest[:1])
		}
		rest = rest[n:]
	}
	return out, changed
}

// mendedText is the text at the start of body, with its quotes, how many bytes
// of body it takes, and whether it had to be changed.
func mendedText(body []byte) (text []byte, n int, changed bool) {
	start := 0
	for n = 1; n < len(body); n++ {
		switch c := body[n]; {
		case c == '"':
			n++
			if !changed {
				return body[:n], n, false
			}
			return append(text, body[start:n]...), n, true
		case c == '\\':
			n++
		case c < ' ':
			text = fmt.Appendf(append(text, body[start:n]...), `\u%04x`, c)
			start, changed = n+1, true
		}
	}
	n = len(body)
	return append(text, body[start:]...), n, changed
}
