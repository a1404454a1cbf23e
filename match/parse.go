package match

import "strings"

// Parsed is a name taken apart. Level, Group, Line and Letter are in upper
// case, as people write them; everything else is in normal form. A part that
// the name does not have is "".
type Parsed struct {
	// Normalized is the whole name in normal form.
	Normalized string
	// Prefix is what names the data package: the name without level, group,
	// line and task day. All tasks of one prefix belong to one package. It is
	// the whole name if OK is false, and "" if the name has nothing else.
	Prefix string
	// Level (层级) is N, O1 to O99 or P1 to P99: a level that thousands of tasks
	// share, never a package's code.
	Level string
	// Group (组别) is a letter, possibly with + or -.
	Group string
	// Line (线路) is L and a number.
	Line string
	// Day is the MMDD of the task.
	Day string

	// Site (职场) is what stands before the package's day; in a prefix without
	// a day it is the first part.
	Site string
	// PackageDay is the MMDD of the package.
	PackageDay string
	// Letter tells two packages of one site and day apart.
	Letter string
	// Grade (年级) is what stands between the package's day and its count.
	Grade string
	// Count is the number at the end of the prefix.
	Count string

	// OK tells whether the name follows the grammar: it has a level, or its
	// prefix has a day. Any other name is plain text, and only Normalized and
	// Prefix are set.
	OK bool
}

// Parse reads a name by the grammar, from its end: level, group, line and task
// day in any order, each at most once and any of them missing; hyphens may be
// doubled, and after a group a doubled one is its minus. What is left is the
// prefix. A day directly behind the prefix is the package's unless the prefix has
// one of its own.
func Parse(name string) Parsed {
	n := Normalize(name)
	t := cut(n)
	if !t.ok {
		return Parsed{Normalized: n, Prefix: key(n)}
	}
	p := Parsed{
		Normalized: n,
		Prefix:     key(n[:t.end]),
		Level:      strings.ToUpper(t.level),
		Group:      strings.ToUpper(t.group),
		Line:       strings.ToUpper(t.line),
		Day:        t.day,
		OK:         true,
	}
	x := parsePrefix(p.Prefix)
	p.Site, p.PackageDay, p.Letter, p.Grade, p.Count = x.site, x.day, strings.ToUpper(x.letter), x.grade, x.count
	return p
}

// tail is what stands behind the prefix of a normal name.
type tail struct {
	level, group, line, day string
	// end is where the prefix ends.
	end int
	// others are further ends that the prefix could have: parts that stand
	// before the level look like group, line or day, but could as well belong
	// to the prefix.
	others [3]int
	count  int
	ok     bool
}

// cut finds the tail of a normal name.
func cut(n string) tail {
	t := tail{end: len(n)}
	last := partNone
	for t.end > 0 {
		end := len(strings.TrimRight(n[:t.end], "-"))
		start := strings.LastIndexByte(n[:end], '-') + 1
		text := n[start:end]
		kind := partOf(text)
		if kind == partGroup && len(text) == 1 && end < t.end {
			text = n[start : end+1] // the second hyphen is its minus
		}
		if !t.take(kind, text) {
			break
		}
		if kind == partLevel {
			t.count = 0
		} else {
			t.others[t.count] = end
			t.count++
		}
		last = kind
		t.end = max(start-1, 0)
	}
	if last == partDay {
		t.giveDayBack(n)
	}
	t.ok = t.level != "" || hasDay(n[:t.end])
	return t
}

// giveDayBack decides about a day that was read directly behind the prefix. It is
// the package's if the prefix has no other. Before a level it is rather the
// prefix's count, if the prefix has a day but no count; the narrower prefix
// then stays possible.
func (t *tail) giveDayBack(n string) {
	narrow := t.end
	own := parsePrefix(key(n[:narrow]))
	if own.day != "" && (own.count != "" || t.level == "") {
		return
	}
	last := t.count - 1 // the day itself
	t.end, t.day = t.others[last], ""
	if own.day != "" {
		t.others[last] = narrow
	} else {
		t.count = last
	}
}

// take sets the part of a kind. It is false if the kind is none or already
// there.
func (t *tail) take(kind part, text string) bool {
	var to *string
	switch kind {
	case partNone:
		return false
	case partLevel:
		to = &t.level
	case partGroup:
		to = &t.group
	case partLine:
		to = &t.line
	case partDay:
		to = &t.day
	}
	if *to != "" {
		return false
	}
	*to = text
	return true
}
