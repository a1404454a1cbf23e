package mapping

import (
	"slices"

	"github.com/itchyny/gojq"
)

// simplePaths answers the alternatives of a query that is nothing but paths.
func simplePaths(q *gojq.Query) ([]Path, bool) {
	if q == nil || len(q.FuncDefs) > 0 || len(q.Patterns) > 0 {
		return nil, false
	}
	switch q.Op {
	case gojq.OpAlt:
		left, ok := simplePaths(q.Left)
		if !ok {
			return nil, false
		}
		right, ok := simplePaths(q.Right)
		return append(left, right...), ok
	case gojq.OpPipe:
		left, ok := simplePaths(q.Left)
		if !ok || len(left) != 1 {
			return nil, false
		}
		right, ok := simplePaths(q.Right)
		if !ok || len(right) != 1 {
			return nil, false
		}
		return []Path{join(left[0], right[0]...)}, true
	case 0:
		return simpleTerm(q.Term)
	}
	return nil, false
}

func simpleTerm(t *gojq.Term) ([]Path, bool) {
	if t == nil {
		return nil, false
	}
	var path Path
	switch t.Type {
	case gojq.TermTypeIdentity:
		path = Path{}
	case gojq.TermTypeIndex:
		name, ok := indexName(t.Index)
		if !ok {
			return nil, false
		}
		path = Path{name}
	case gojq.TermTypeQuery:
		paths, ok := simplePaths(t.Query)
		if !ok || len(t.SuffixList) > 0 && len(paths) != 1 {
			return nil, false
		}
		if len(t.SuffixList) == 0 {
			return paths, true
		}
		path = paths[0]
	default:
		return nil, false
	}
	for _, s := range t.SuffixList {
		if s.Iter || s.Index == nil && !s.Optional {
			return nil, false
		}
		if s.Index == nil {
			continue
		}
		name, ok := indexName(s.Index)
		if !ok {
			return nil, false
		}
		path = join(path, name)
	}
	return []Path{path}, true
}

// indexName is the name in .name, ."name" and .["name"].
func indexName(i *gojq.Index) (string, bool) {
	switch {
	case i == nil || i.IsSlice:
		return "", false
	case i.Name != "":
		return i.Name, true
	case i.Str != nil && len(i.Str.Queries) == 0:
		return i.Str.Str, true
	case i.Start != nil && i.Start.Op == 0 && i.Start.Term != nil && i.Start.Term.Type == gojq.TermTypeString &&
		len(i.Start.Term.SuffixList) == 0 && len(i.Start.Term.Str.Queries) == 0:
		return i.Start.Term.Str.Str, true
	}
	return "", false
}

func join(p Path, names ...string) Path {
	return append(append(make(Path, 0, len(p)+len(names)), p...), names...)
}

// consumer collects the paths whose values a query uses. A nil Path stands for
// a value that no path names.
type consumer struct{ found []Path }

func (c *consumer) use(p Path) {
	covered := func(q Path) bool { return len(q) <= len(p) && slices.Equal(q, p[:len(q)]) }
	if len(p) > 0 && !slices.ContainsFunc(c.found, covered) {
		c.found = append(c.found, p)
	}
}

// query walks q, whose input stands at base, and answers where its result
// stands.
func (c *consumer) query(q *gojq.Query, base Path) Path {
	switch {
	case q == nil:
		return nil
	case q.Op == 0:
		return c.term(q.Term, base)
	case q.Op == gojq.OpPipe && len(q.Patterns) == 0:
		return c.query(q.Right, c.query(q.Left, base))
	}
	c.use(c.query(q.Left, base))
	c.use(c.query(q.Right, base))
	return nil
}

func (c *consumer) term(t *gojq.Term, base Path) Path {
	if t == nil {
		return nil
	}
	at := c.head(t, base)
	for _, s := range t.SuffixList {
		if s.Index == nil && !s.Iter {
			continue
		}
		name, ok := indexName(s.Index)
		switch {
		case at == nil:
		case ok:
			at = join(at, name)
		default:
			c.use(at)
			at = nil
		}
	}
	return at
}

// head walks a term without its suffixes.
func (c *consumer) head(t *gojq.Term, base Path) Path {
	uses := func(queries ...*gojq.Query) {
		for _, q := range queries {
			c.use(c.query(q, base))
		}
	}
	switch t.Type {
	case gojq.TermTypeIdentity:
		return base
	case gojq.TermTypeIndex:
		name, ok := indexName(t.Index)
		if ok && base != nil {
			return join(base, name)
		}
		c.use(base)
	case gojq.TermTypeQuery:
		return c.query(t.Query, base)
	case gojq.TermTypeFunc:
		c.use(base)
		uses(t.Func.Args...)
	case gojq.TermTypeString, gojq.TermTypeFormat:
		if t.Str != nil {
			uses(t.Str.Queries...)
		} else {
			c.use(base)
		}
	case gojq.TermTypeUnary:
		c.use(c.term(t.Unary.Term, base))
	case gojq.TermTypeIf:
		uses(t.If.Cond, t.If.Then, t.If.Else)
		for _, e := range t.If.Elif {
			uses(e.Cond, e.Then)
		}
	case gojq.TermTypeTry:
		uses(t.Try.Body)
	case gojq.TermTypeArray:
		uses(t.Array.Query)
	case gojq.TermTypeObject:
		for _, kv := range t.Object.KeyVals {
			uses(kv.KeyQuery, kv.Val)
			if kv.Val == nil && kv.Key != "" && base != nil {
				c.use(join(base, kv.Key))
			}
		}
	case gojq.TermTypeReduce:
		uses(t.Reduce.Query)
	case gojq.TermTypeForeach:
		uses(t.Foreach.Query)
	}
	return nil
}
