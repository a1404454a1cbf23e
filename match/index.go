package match

import "tasksync/task"

// What people read about a task that failed.
const (
	// ReasonMissing says that the data package does not exist.
	ReasonMissing = "数据包不存在"
	// ReasonDisabled says that the data package has been switched off.
	ReasonDisabled = "数据包已停用"
)

// Index is an immutable snapshot of all packages. It is safe for concurrent
// use.
type Index struct {
	version   int64
	codes     map[string]entry
	names     map[string]entry
	externals map[string]entry
	// sites and days are those of all packages, the disabled too.
	sites map[string]struct{}
	days  map[string]struct{}
}

// entry is what an index knows of one key.
type entry struct {
	// enabled and disabled are the ids of the one package of that kind; many if
	// there are several, 0 if there is none.
	enabled, disabled int64
}

// many stands for the id of several packages. Ids are positive.
const many = -1

// NewIndex makes the snapshot of the given version. It keeps nothing of the
// slice. Codes, names and external ids that are empty in normal form are left
// out.
func NewIndex(version int64, packages []task.Package) *Index {
	x := &Index{
		version:   version,
		codes:     make(map[string]entry, len(packages)),
		names:     make(map[string]entry, len(packages)),
		externals: make(map[string]entry),
		sites:     make(map[string]struct{}),
		days:      make(map[string]struct{}),
	}
	for i := range packages {
		p := &packages[i]
		code, name := key(Normalize(p.Code)), key(Normalize(p.Name))
		add(x.codes, code, p)
		add(x.names, name, p)
		add(x.externals, key(Normalize(p.ExternalID)), p)
		x.addPlace(parsePrefix(code))
		if parts := parsePrefix(name); parts.day != "" {
			x.addPlace(parts)
		}
	}
	return x
}

func add(to map[string]entry, k string, p *task.Package) {
	if k == "" {
		return
	}
	e := to[k]
	id := &e.disabled
	if p.Enabled {
		id = &e.enabled
	}
	if *id != 0 && *id != p.ID {
		*id = many
	} else {
		*id = p.ID
	}
	to[k] = e
}

func (x *Index) addPlace(p prefix) {
	if p.site != "" {
		x.sites[p.site] = struct{}{}
	}
	if p.day != "" {
		x.days[p.day] = struct{}{}
	}
}

// Version is the version of the packages that the index was made from.
func (x *Index) Version() int64 { return x.version }

// Lookup decides what needs no search: a package that the task itself names by
// code or external id in ref (layer 1; "" names none), else one whose code or
// name is exactly the prefix of the task's name, or all of a name that is
// plain text (layer 2). The second result is false if that decides nothing.
//
// A unique enabled package wins over disabled ones of the same key; a unique
// disabled one fails the task; of several that are alike none is chosen. Codes
// win over names and external ids. A ref that no package has fails the task; a
// ref that several have is passed over.
func (x *Index) Lookup(name, ref string) (task.Match, bool) {
	if k := key(Normalize(ref)); k != "" {
		found, ok := x.codes[k]
		if !ok {
			found, ok = x.externals[k]
		}
		if !ok {
			return task.Match{State: task.MatchFailed, Layer: task.LayerExplicit, Reason: ReasonMissing}, true
		}
		if m, decided := found.match(task.LayerExplicit); decided {
			return m, true
		}
	}
	return x.lookupName(Normalize(name))
}

// lookupName is layer 2 for a normal name. If the name has several possible
// prefixes, all that are known must mean the same package.
func (x *Index) lookupName(n string) (task.Match, bool) {
	t := cut(n)
	if !t.ok {
		return x.find(n).match(task.LayerPrefix)
	}
	found := x.find(n[:t.end])
	for _, end := range t.others[:t.count] {
		switch e := x.find(n[:end]); {
		case e == entry{} || e == found:
		case found == entry{}:
			found = e
		default:
			return task.Match{}, false
		}
	}
	return found.match(task.LayerPrefix)
}

// find is the entry of a code or, where no code is like it, of a name; the
// zero entry if there is none.
func (x *Index) find(text string) entry {
	k := key(text)
	if e, ok := x.codes[k]; ok {
		return e
	}
	return x.names[k]
}

// match is what an entry decides.
func (e entry) match(layer task.Layer) (task.Match, bool) {
	switch {
	case e.enabled > 0:
		return task.Match{State: task.Matched, PackageID: e.enabled, Layer: layer}, true
	case e.enabled == 0 && e.disabled > 0:
		return task.Match{State: task.MatchFailed, Layer: layer, Reason: ReasonDisabled}, true
	}
	return task.Match{}, false
}

// Search decides a task that Lookup left open. A name that follows the grammar
// and whose prefix shares neither its site nor its day with any package, the
// disabled ones included, names a package that does not exist: it fails. Two
// kinds of names stay pending: those that share one of the two, and those that
// have neither to compare (plain text, a prefix that is only a number, no
// prefix at all).
//
// So 测试任务-P1, whose prefix 测试任务 is its own site by the grammar, fails
// unless a package has that site, and 测试任务 alone is plain text and waits.
func (x *Index) Search(name string) task.Match {
	p := Parse(name)
	pending := task.Match{State: task.Pending}
	if !p.OK || p.Site == "" && p.PackageDay == "" {
		return pending
	}
	if _, shared := x.sites[p.Site]; shared {
		return pending
	}
	if _, shared := x.days[p.PackageDay]; shared {
		return pending
	}
	return task.Match{State: task.MatchFailed, Layer: task.LayerStructure, Reason: ReasonMissing}
}
