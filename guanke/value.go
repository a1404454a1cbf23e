package guanke

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// deepest bounds how deep a value may be nested that is decoded as a whole.
const deepest = 200

var (
	errTooDeep     = errors.New("value nested too deeply")
	errAfterAnswer = errors.New("text after the answer")
)

// loneSurrogate marks half a surrogate pair in a decoded text: it is no UTF-8,
// so that a field that holds it is refused.
const loneSurrogate = "\xff"

// hasLoneSurrogate reports whether the value, which is good otherwise, holds
// half a surrogate pair: gojq may have turned it into a good character.
func hasLoneSurrogate(v jsontext.Value) bool { return !v.IsValid(jsontext.AllowDuplicateNames(true)) }

// decodeValue decodes a value for gojq. Numbers keep their digits, of members
// of one name the last counts.
func decodeValue(v []byte) (any, error) {
	d := jsontext.NewDecoder(bytes.NewBuffer(v), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	return decodeNext(d, 0)
}

// Decode decodes an answer as the client reads it, with its oddities mended;
// numbers are json.Number.
func Decode(body []byte) (any, error) {
	var out any
	err := mending(body, func(body []byte) error {
		d := jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
		var err error
		if out, err = decodeNext(d, 0); err != nil {
			return err
		}
		if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
			return errAfterAnswer
		}
		return nil
	})
	return out, err
}

func decodeNext(d *jsontext.Decoder, depth int) (any, error) {
	if depth > deepest {
		return nil, errTooDeep
	}
	switch d.PeekKind() {
	case '{':
		if _, err := d.ReadToken(); err != nil {
			return nil, err
		}
		out := make(map[string]any)
		for d.PeekKind() != '}' {
			v, err := d.ReadValue()
			if err != nil {
				return nil, err
			}
			name, _ := text(v)
			if out[name], err = decodeNext(d, depth+1); err != nil {
				return nil, err
			}
		}
		_, err := d.ReadToken()
		return out, err
	case '[':
		if _, err := d.ReadToken(); err != nil {
			return nil, err
		}
		out := []any{}
		for d.PeekKind() != ']' {
			item, err := decodeNext(d, depth+1)
			if err != nil {
				return nil, err
			}
			out = append(out, item)
		}
		_, err := d.ReadToken()
		return out, err
	}
	v, err := d.ReadValue()
	if err != nil {
		return nil, err
	}
	switch v.Kind() {
	case 't', 'f':
		return v.Kind() == 't', nil
	case '0':
		return json.Number(v), nil
	case '"':
		s, err := text(v)
		if err != nil {
			s += loneSurrogate
		}
		return s, nil
	}
	return nil, nil
}

// encodeValue writes what gojq gave as a JSON value, with sorted names. A text
// that is not UTF-8 stays so.
func encodeValue(out []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(out, "null"...)
	case bool:
		return strconv.AppendBool(out, v)
	case int:
		return strconv.AppendInt(out, int64(v), 10)
	case *big.Int:
		return v.Append(out, 10)
	case json.Number:
		return append(out, v...)
	case float64:
		switch {
		case v != v, v-v != 0: // No number, or infinite.
			return append(out, "null"...)
		case v == float64(int64(v)) && v < 1<<53 && v > -1<<53:
			return strconv.AppendInt(out, int64(v), 10)
		}
		return strconv.AppendFloat(out, v, 'g', -1, 64)
	case string:
		return appendText(out, v)
	case []any:
		out = append(out, '[')
		for i, x := range v {
			if i > 0 {
				out = append(out, ',')
			}
			out = encodeValue(out, x)
		}
		return append(out, ']')
	case map[string]any:
		out = append(out, '{')
		for i, name := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				out = append(out, ',')
			}
			out = append(appendText(out, name), ':')
			out = encodeValue(out, v[name])
		}
		return append(out, '}')
	}
	return append(out, "null"...)
}

// appendText quotes s. Only what must be escaped is.
func appendText(out []byte, s string) []byte {
	if utf8.ValidString(s) {
		quoted, err := jsontext.AppendQuote(out, s)
		if err == nil {
			return quoted
		}
	}
	// The invalid bytes are kept for the one who reads the value.
	out = append(out, '"')
	for _, c := range []byte(s) {
		switch {
		case c == '"' || c == '\\':
			out = append(out, '\\', c)
		case c < ' ':
			out = append(out, `\u00`...)
			out = append(out, "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
		default:
			out = append(out, c)
		}
	}
	return append(out, '"')
}

// storable is a decoded value as jsonb can keep it: no NUL, no text that is not
// UTF-8, no number beyond what the database takes. It is false for one that is
// nested too deeply.
func storable(v any, depth int) (any, bool) {
	if depth > deepest/2 {
		return nil, false
	}
	switch v := v.(type) {
	case string:
		return storableText(v), true
	case json.Number:
		if !storableNumber(string(v)) {
			return string(v), true
		}
	case []any:
		for i := range v {
			var ok bool
			if v[i], ok = storable(v[i], depth+1); !ok {
				return nil, false
			}
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			x, ok := storable(v[name], depth+1)
			if !ok {
				return nil, false
			}
			delete(v, name)
			v[storableText(name)] = x
		}
	}
	return v, true
}

func storableText(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(strings.TrimSuffix(s, loneSurrogate), "�"), "\x00", "�")
}

// storableNumber reports whether the database keeps the number as it is. It
// has room for 131,072 digits before the point and 16,383 behind it.
func storableNumber(s string) bool {
	at := strings.IndexAny(s, "eE")
	if at < 0 {
		return len(s) <= 1000
	}
	exponent, err := strconv.Atoi(strings.TrimPrefix(s[at+1:], "+"))
	return err == nil && at <= 1000 && exponent >= -1000 && exponent <= 1000
}
