package match_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tasksync/match"
)

func TestParse(t *testing.T) {
	t.Parallel()
	type parsed = match.Parsed
	full := parsed{
		Prefix: "某市-1016-高中-10000", Level: "O1", Group: "A", Line: "L3", Day: "1018",
		Site: "某市", PackageDay: "1016", Grade: "高中", Count: "10000", OK: true,
	}
	with := func(change func(*parsed)) parsed {
		p := full
		change(&p)
		return p
	}
	tests := map[string]struct {
		in   string
		want parsed
	}{
		"the domain's example": {"某市-1016-高中-10000-O1-A-L3-1018", full},
		"the guide's example":  {"测试任务-P1", parsed{Prefix: "测试任务", Level: "P1", Site: "测试任务", OK: true}},

		"group A minus":        {"某市-1016-高中-10000-O1-A--L3-1018", with(func(p *parsed) { p.Group = "A-" })},
		"group A plus":         {"某市-1016-高中-10000-O1-A+-L3-1018", with(func(p *parsed) { p.Group = "A+" })},
		"group minus at end":   {"某市-1016-高中-10000-O1-L3-1018-A-", with(func(p *parsed) { p.Group = "A-" })},
		"line before group":    {"某市-1016-高中-10000-O5-L3-A--1017", with(func(p *parsed) { p.Level, p.Group, p.Day = "O5", "A-", "1017" })},
		"first time":           {"某市-1016-高中-10000-N-C-L10-1018", with(func(p *parsed) { p.Level, p.Group, p.Line = "N", "C", "L10" })},
		"practice":             {"某市-1016-高中-10000-P99-B-L9-1018", with(func(p *parsed) { p.Level, p.Group, p.Line = "P99", "B", "L9" })},
		"level after day":      {"某市-1016-高中-10000-1018-O1-A-L3", full},
		"count like a day":     {"某市-1016-高中-1018-O1-A-L3", with(func(p *parsed) { p.Prefix, p.Count, p.Day = "某市-1016-高中-1018", "1018", "" })},
		"level last":           {"某市-1016-高中-10000-A-L3-1018-O1", full},
		"other hyphens double": {"某市-1016--高中-10000--O1-A-L3-1018", full},
		"full-width, spaces":   {" 某市－１０１６－高中－10000 － O1－Ａ－L3－1018　", full},
		"lower case":           {"某市-1016-高中-10000-o1-a-l3-1018", full},

		"no site":          {"0920-高中加购-5000-O1-A-L3-0922", parsed{Prefix: "0920-高中加购-5000", Level: "O1", Group: "A", Line: "L3", Day: "0922", PackageDay: "0920", Grade: "高中加购", Count: "5000", OK: true}},
		"no count":         {"某市-0718-高中加购-P4-A-L3-0720", parsed{Prefix: "某市-0718-高中加购", Level: "P4", Group: "A", Line: "L3", Day: "0720", Site: "某市", PackageDay: "0718", Grade: "高中加购", OK: true}},
		"letter":           {"某市-0913A-高中-721-O2-B-L9-0920", parsed{Prefix: "某市-0913a-高中-721", Level: "O2", Group: "B", Line: "L9", Day: "0920", Site: "某市", PackageDay: "0913", Letter: "A", Grade: "高中", Count: "721", OK: true}},
		"only the prefix":  {"某市-1016-高中-10000", parsed{Prefix: "某市-1016-高中-10000", Site: "某市", PackageDay: "1016", Grade: "高中", Count: "10000", OK: true}},
		"no task day":      {"某市-1016-高中-10000-O1-A-L3", with(func(p *parsed) { p.Day = "" })},
		"site and day":     {"某市-1016-O1-A-L3", parsed{Prefix: "某市-1016", Level: "O1", Group: "A", Line: "L3", Site: "某市", PackageDay: "1016", OK: true}},
		"no level":         {"某市-1016-高中-10000-A-L3-1018", with(func(p *parsed) { p.Level = "" })},
		"only days":        {"某市-1016-1018", parsed{Prefix: "某市-1016", Day: "1018", Site: "某市", PackageDay: "1016", OK: true}},
		"no package day":   {"某市-高中-10000-O1-A-L3-1018", parsed{Prefix: "某市-高中-10000", Level: "O1", Group: "A", Line: "L3", Day: "1018", Site: "某市", Grade: "高中", Count: "10000", OK: true}},
		"grade like group": {"某市-1016-高中-B-O1-A-L3-1018", with(func(p *parsed) { p.Prefix, p.Grade, p.Count = "某市-1016-高中-b", "高中-b", "" })},
		"file name":        {"dy-20251014-高中加购.csv-P1", parsed{Prefix: "dy-20251014-高中加购.csv", Level: "P1", Site: "dy", PackageDay: "1014", Grade: "高中加购.csv", OK: true}},
		"level alone":      {"P1", parsed{Level: "P1", OK: true}},
		"only a number":    {"5000-P1", parsed{Prefix: "5000", Level: "P1", Count: "5000", OK: true}},

		"plain text":            {"春节 老客回访", parsed{Prefix: "春节 老客回访"}},
		"text with a letter":    {"老客名单-A", parsed{Prefix: "老客名单-a"}},
		"no such day":           {"某市-1332-高中", parsed{Prefix: "某市-1332-高中"}},
		"no such level":         {"测试任务-P0", parsed{Prefix: "测试任务-p0"}},
		"level of three digits": {"测试任务-P100", parsed{Prefix: "测试任务-p100"}},
		"empty":                 {"", parsed{}},
		"only hyphens":          {"---", parsed{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := tt.want
			want.Normalized = match.Normalize(tt.in)
			require.Equal(t, want, match.Parse(tt.in))
		})
	}
}

// TestParseBuiltNames puts names together from random parts and takes them
// apart again.
func TestParseBuiltNames(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	pick := func(from ...string) string { return from[rng.IntN(len(from))] }
	for range 20_000 {
		day := fmt.Sprintf("%02d%02d", 1+rng.IntN(12), 1+rng.IntN(28))
		want := match.Parsed{
			Site: pick("某市", "别市", "east 2"), PackageDay: day, Letter: pick("", "", "A", "B"),
			Grade: pick("高中", "初中", "高中加购"), Count: pick("", "1000", "1015", "3236"),
			Level: pick("N", "O1", "O99", "P1", "P12"), Group: pick("", "A", "A+", "A-", "C"),
			Line: pick("", "L3", "L10"), Day: pick("", "1018", "0229"), OK: true,
		}
		code := join(want.Site, want.PackageDay+want.Letter, want.Grade, want.Count)
		want.Prefix = match.Normalize(code)
		behind := []string{want.Group, want.Line, want.Day}
		rng.Shuffle(len(behind), func(i, j int) { behind[i], behind[j] = behind[j], behind[i] })
		name := join(append([]string{code, want.Level}, behind...)...)
		want.Normalized = match.Normalize(name)
		require.Equal(t, want, match.Parse(name), name)
	}
}

func join(parts ...string) string {
	var kept []string
	for _, p := range parts {
		if p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, "-")
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"某市-1016-高中-10000-O1-A--L3-1018", "测试任务-P1", "--", "A-", "1018-N", "-1018-1018-", "A-L3-1018-O1"} {
		f.Add(s)
	}
	index := match.NewIndex(1, packages)
	f.Fuzz(func(t *testing.T, in string) {
		p := match.Parse(in)
		require.Equal(t, match.Normalize(in), p.Normalized)
		require.False(t, strings.HasPrefix(p.Prefix, "-") || strings.HasSuffix(p.Prefix, "-"))
		if p.Level == "" && p.PackageDay == "" {
			require.Equal(t, match.Parsed{Normalized: p.Normalized, Prefix: p.Prefix}, p)
		}
		again := match.Parse(p.Normalized)
		require.Equal(t, p, again)
		m, decided := index.Lookup(in, "")
		require.Equal(t, decided, m.State != "")
		require.NotEmpty(t, index.Search(in).State)
	})
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		sink = match.Parse("某市-1014-高中-10000-O1-A-L3-1018").Prefix
	}
}
