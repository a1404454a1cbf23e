package match

import "strings"

// part is a kind of part that the tail of a name can have.
type part int

const (
	partNone part = iota
	partLevel
	partGroup
	partLine
	partDay
)

// partOf says which kind of tail part s is. A minus behind a group has already
// been read as a hyphen.
func partOf(s string) part {
	if s == "" || len(s) > 4 {
		return partNone
	}
	first, rest := s[0], s[1:]
	switch {
	case rest == "" && first == 'n':
		return partLevel
	case (rest == "" || rest == "+") && 'a' <= first && first <= 'z':
		return partGroup
	case (first == 'o' || first == 'p') && len(rest) <= 2 && digits(rest) && rest[0] != '0':
		return partLevel
	case first == 'l' && digits(rest):
		return partLine
	case isMonthDay(s):
		return partDay
	}
	return partNone
}

// prefix is a prefix taken apart.
type prefix struct {
	site, day, letter, grade, count string
}

// parsePrefix takes a prefix in the form of key apart: site, day with letter,
// grade, count, any of them missing. The first part that is a day is the day.
// Without one, the first part is the site unless it is a number.
func parsePrefix(k string) prefix {
	var p prefix
	rest := k
	if start, end := findDay(k); end > 0 {
		p.site = strings.TrimSuffix(k[:start], "-")
		p.day, p.letter = splitDay(k[start:end])
		rest = strings.TrimPrefix(k[end:], "-")
	} else if head, tail, _ := strings.Cut(k, "-"); !digits(head) {
		p.site, rest = head, tail
	}
	at := strings.LastIndexByte(rest, '-') + 1
	if digits(rest[at:]) {
		p.count = rest[at:]
		rest = strings.TrimSuffix(rest[:at], "-")
	}
	p.grade = rest
	return p
}

// hasDay reports whether a prefix has a part that is a day.
func hasDay(s string) bool {
	_, end := findDay(s)
	return end > 0
}

// findDay finds the first part of s that is a day; end is 0 if there is none.
func findDay(s string) (start, end int) {
	for start < len(s) {
		end = strings.IndexByte(s[start:], '-') + start
		if end < start {
			end = len(s)
		}
		if day, _ := splitDay(s[start:end]); day != "" {
			return start, end
		}
		start = end + 1
	}
	return 0, 0
}

// splitDay reads MMDD, perhaps behind a year of 20YY and perhaps with a letter
// behind it. The day is "" if s is none.
func splitDay(s string) (day, letter string) {
	if n := len(s); n > 0 && 'a' <= s[n-1] && s[n-1] <= 'z' {
		s, letter = s[:n-1], s[n-1:]
	}
	if len(s) == 8 && strings.HasPrefix(s, "20") && digits(s[:4]) {
		s = s[4:]
	}
	if !isMonthDay(s) {
		return "", ""
	}
	return s, letter
}

// isMonthDay reports whether s is MMDD of a day that some year has.
func isMonthDay(s string) bool {
	if len(s) != 4 || !digits(s) {
		return false
	}
	month := int(s[0]-'0')*10 + int(s[1]-'0')
	day := int(s[2]-'0')*10 + int(s[3]-'0')
	lengths := [...]int{31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}
	return 1 <= month && month <= 12 && 1 <= day && day <= lengths[month-1]
}

// digits reports whether s is one or more digits.
func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
