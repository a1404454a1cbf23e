package match

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// NormVersion numbers the rules of Normalize and of the grammar. It is stored
// beside every outcome and grows with every change that could give a stored
// name another normal form or another prefix.
const NormVersion int16 = 1

// Normalize returns the form in which names, codes and external ids are
// compared:
//
//   - Unicode NFKC, so full-width letters, digits and spaces are plain ones;
//   - zero-width and control characters removed;
//   - every dash is "-" (tilde-like ones, such as the wave dash, are not
//     dashes);
//   - lower case;
//   - white space trimmed at the ends and dropped around hyphens, any other run
//     of it one space;
//   - bytes that are not UTF-8 are U+FFFD.
//
// It is idempotent. A name that is already normal is returned as it is,
// without an allocation; one of ASCII and common ideographs costs one.
func Normalize(name string) string {
	switch classify(name) {
	case normal:
		return name
	case simple:
	case general:
		name = fold(name)
	}
	var stack [128]byte
	return string(appendSqueezed(stack[:0], name))
}

// form says how much work a name needs.
type form int

const (
	// normal needs none.
	normal form = iota
	// simple has only ASCII and ideographs that Unicode never changes, but
	// needs lower case or has white space to drop.
	simple
	// general needs the Unicode tables.
	general
)

// classify finds the cheapest way to normalize name. The ideographs it lets
// pass are those of U+4E00 to U+9FFF: NFKC keeps them, they have no case, and
// they compose with nothing.
func classify(name string) form {
	f := normal
	for i := 0; i < len(name); {
		c := name[i]
		switch {
		case c >= 0x80:
			if !isIdeograph(name[i:]) {
				return general
			}
			i += 3
			continue
		case c < ' ', c == 0x7f, 'A' <= c && c <= 'Z':
			f = simple
		case c == ' ' && (i == 0 || i == len(name)-1 || name[i-1] == '-' || name[i+1] == '-' || name[i+1] == ' '):
			f = simple
		}
		i++
	}
	return f
}

// isIdeograph reports whether s starts with a character of U+4E00 to U+9FFF.
func isIdeograph(s string) bool {
	return len(s) >= 3 && s[1]&0xc0 == 0x80 && s[2]&0xc0 == 0x80 &&
		(s[0] == 0xe4 && s[1] >= 0xb8 || 0xe5 <= s[0] && s[0] <= 0xe9)
}

// fold does what needs the Unicode tables. Invisible characters go first,
// because a letter and its accent may meet across one; NFKC runs again after
// lower case, which can leave a pair that composes.
func fold(name string) string {
	name = strings.Map(dropInvisible, name)
	name = norm.NFKC.String(name)
	name = norm.NFKC.String(strings.Map(unicode.ToLower, name))
	return strings.Map(plain, name)
}

// dropInvisible removes what takes no room on a screen, white space aside.
func dropInvisible(r rune) rune {
	if unicode.IsSpace(r) || ' ' <= r && r <= '~' {
		return r
	}
	if unicode.In(r, unicode.Cf, unicode.Cc, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point) {
		return -1
	}
	return r
}

// plain maps dashes to a hyphen and white space to a space.
func plain(r rune) rune {
	switch {
	case r < 0x80:
		return r
	case unicode.IsSpace(r):
		return ' '
	case r == '〜' || r == '〰':
		return r // dashes by category, tildes by look and use
	case unicode.Is(unicode.Pd, r), r == '−', r == '⁃', r == '˗':
		return '-'
	}
	return r
}

// appendSqueezed appends name to dst in lower case (of ASCII), without control
// characters, and with its white space trimmed, dropped around hyphens and
// otherwise one space a run.
func appendSqueezed(dst []byte, name string) []byte {
	space := false
	for i := range len(name) {
		c := name[i]
		switch {
		case c == ' ' || '\t' <= c && c <= '\r':
			space = len(dst) > 0 && dst[len(dst)-1] != '-'
			continue
		case c < ' ', c == 0x7f:
			continue
		case c == '-':
			space = false
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		}
		if space {
			dst = append(dst, ' ')
			space = false
		}
		dst = append(dst, c)
	}
	return dst
}

// key is the form under which the index files a normal text: hyphens trimmed
// at the ends, each run of them one, so that a doubled hyphen inside a prefix
// makes no other prefix.
func key(normalized string) string {
	k := strings.Trim(normalized, "-")
	for strings.Contains(k, "--") {
		k = strings.ReplaceAll(k, "--", "-")
	}
	return k
}
