package match_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"tasksync/match"
	"tasksync/task"
)

var packages = []task.Package{
	{ID: 1, Code: "某市-1016-高中-10000", Name: "dy-20251016-高中.csv", ExternalID: "123456", Enabled: true},
	{ID: 2, Code: "某市-0913A-高中-5000", Name: "同名", ExternalID: "123457", Enabled: true},
	{ID: 3, Code: "某市-0913B-高中-5000", Name: "同名", ExternalID: "222222", Enabled: true},
	{ID: 4, Code: "别市-0920-高中加购-5000", Name: "停用的包", ExternalID: "222222", Enabled: false},
	{ID: 5, Code: "Old-0101-初中-100", Name: "换代", Enabled: false},
	{ID: 6, Code: "新市-0102-初中-100", Name: "换代", Enabled: true},
	{ID: 7, Code: "新市-0103-初中-100", Name: "双停", Enabled: false},
	{ID: 8, Code: "新市-0104-初中-100", Name: "双停", Enabled: false},
	{ID: 9, Code: "代码", Name: "代码包", Enabled: true},
	{ID: 10, Code: "新市-0105-初中-100", Name: "代码", Enabled: true},
	{ID: 11, Code: "新市-0106", Name: "短", Enabled: true},
	{ID: 12, Code: "新市-0106-1019", Name: "长", Enabled: true},
	{ID: 13, Code: "新市-0107-高中-A", Name: "带字母", Enabled: true},
	{ID: 14, Code: "老客名单-A", Name: "老客", Enabled: true},
	{ID: 15, Code: "双-码", Name: "", Enabled: true},
	{ID: 16, Code: "双－码", Name: "", Enabled: true},
	{ID: 17, Code: "  ", Name: "只有名称", Enabled: true},
}

func matched(id int64, layer task.Layer) task.Match {
	return task.Match{State: task.Matched, PackageID: id, Layer: layer}
}

func failed(layer task.Layer, reason string) task.Match {
	return task.Match{State: task.MatchFailed, Layer: layer, Reason: reason}
}

func TestLookup(t *testing.T) {
	t.Parallel()
	const tail = "-O1-A-L3-1018"
	undecided := task.Match{}
	tests := map[string]struct {
		name, ref string
		want      task.Match
	}{
		"ref is a code":                       {"随便", " 某市－1016－高中－10000 ", matched(1, task.LayerExplicit)},
		"ref is an external id":               {"随便", "123456", matched(1, task.LayerExplicit)},
		"ref wins over the name":              {"某市-1016-高中-10000" + tail, "123457", matched(2, task.LayerExplicit)},
		"ref of a disabled code":              {"某市-1016-高中-10000" + tail, "别市-0920-高中加购-5000", failed(task.LayerExplicit, match.ReasonDisabled)},
		"ref that the enabled one of two has": {"随便", "222222", matched(3, task.LayerExplicit)},
		"unknown ref":                         {"某市-1016-高中-10000" + tail, "999999", failed(task.LayerExplicit, match.ReasonMissing)},
		"ref is no name":                      {"随便", "dy-20251016-高中.csv", failed(task.LayerExplicit, match.ReasonMissing)},
		"ref of two is passed over":           {"某市-1016-高中-10000" + tail, "双-码", matched(1, task.LayerPrefix)},
		"blank ref is none":                   {"某市-1016-高中-10000" + tail, " 　", matched(1, task.LayerPrefix)},

		"code":                                   {"某市-1016-高中-10000" + tail, "", matched(1, task.LayerPrefix)},
		"code, noisy":                            {"某市－1016 －高中--10000－o1－A--L3－1018", "", matched(1, task.LayerPrefix)},
		"code alone":                             {"某市-1016-高中-10000", "", matched(1, task.LayerPrefix)},
		"letter kept apart":                      {"某市-0913B-高中-5000" + tail, "", matched(3, task.LayerPrefix)},
		"letter missing":                         {"某市-0913-高中-5000" + tail, "", undecided},
		"count of what is left":                  {"某市-1016-高中-3236" + tail, "", undecided},
		"name with a tail":                       {"dy-20251016-高中.csv-P1", "", matched(1, task.LayerPrefix)},
		"name alone":                             {"DY-20251016-高中.CSV", "", matched(1, task.LayerPrefix)},
		"name is plain text":                     {"只有名称", "", matched(17, task.LayerPrefix)},
		"plain text with a letter":               {"老客名单-A", "", matched(14, task.LayerPrefix)},
		"disabled code":                          {"别市-0920-高中加购-5000" + tail, "", failed(task.LayerPrefix, match.ReasonDisabled)},
		"disabled name":                          {"停用的包-P1", "", failed(task.LayerPrefix, match.ReasonDisabled)},
		"name of two":                            {"同名-P1", "", undecided},
		"enabled wins over disabled":             {"换代-P1", "", matched(6, task.LayerPrefix)},
		"several disabled":                       {"双停-P1", "", undecided},
		"code wins over name":                    {"代码-P1", "", matched(9, task.LayerPrefix)},
		"codes alike":                            {"双-码-P1", "", undecided},
		"unknown":                                {"测试任务-P1", "", undecided},
		"level alone":                            {"P1", "", undecided},
		"empty":                                  {"", "", undecided},
		"prefix ends in what looks like a day":   {"新市-0106-1019-O1", "", undecided}, // 11 or 12
		"prefix ends in what looks like a group": {"新市-0107-高中-A-O1-L3-1018", "", matched(13, task.LayerPrefix)},
		"count that looks like a day":            {"某市-0106-初中-1019-O1", "", undecided},
		"task day instead of a count":            {"某市-1016-高中-10000-1019-O1", "", matched(1, task.LayerPrefix)},
		"group twice":                            {"新市-0107-高中-A-O1-B-L3-1018", "", matched(13, task.LayerPrefix)},
		"day behind the level":                   {"新市-0106-O1-1019", "", matched(11, task.LayerPrefix)},
		"tail before the level":                  {"某市-1016-高中-10000-A-L3-1018-O1", "", matched(1, task.LayerPrefix)},
	}
	index := match.NewIndex(7, packages)
	require.EqualValues(t, 7, index.Version())
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, decided := index.Lookup(tt.name, tt.ref)
			require.Equal(t, tt.want, got)
			require.Equal(t, tt.want != undecided, decided)
		})
	}
}

// TestLookupNeverByLevel registers packages with the code and the name of a
// level: no task may be matched by its level.
func TestLookupNeverByLevel(t *testing.T) {
	t.Parallel()
	index := match.NewIndex(1, []task.Package{{ID: 1, Code: "P1", Name: "O1", Enabled: true}})
	for _, name := range []string{"P1", "O1", "测试任务-P1", "-P1", "P1-A-L3-1018", "1018-O1"} {
		_, decided := index.Lookup(name, "")
		require.False(t, decided, name)
	}
}

func TestSearch(t *testing.T) {
	t.Parallel()
	pending := task.Match{State: task.Pending}
	missing := failed(task.LayerStructure, match.ReasonMissing)
	tests := map[string]struct {
		name string
		want task.Match
	}{
		"the guide's example":        {"测试任务-P1", missing},
		"unknown site and day":       {"远市-1111-高中-500-O1-A-L3-1112", missing},
		"unknown site, no day":       {"远市-高中-O1", missing},
		"unknown day, no site":       {"1111-高中-500-O1", missing},
		"known site":                 {"某市-1111-高中-500-O1", pending},
		"known site, no day":         {"某市-高中-O1", pending},
		"known day":                  {"远市-1016-高中-500-O1", pending},
		"known day, no site":         {"0913-高中-5000-O1", pending},
		"known day, other letter":    {"远市-0913C-高中-5000-O1", pending},
		"day of the task only":       {"远市-1111-高中-500-O1-1016", missing},
		"site of a disabled package": {"别市-1111-高中-500-O1", pending},
		"day of a name":              {"远市-20251016-O1", pending},
		"plain text":                 {"测试任务", pending},
		"level alone":                {"P1", pending},
		"only a number":              {"12345-P1", pending},
		"empty":                      {"", pending},
	}
	index := match.NewIndex(1, packages)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, index.Search(tt.name))
		})
	}
	require.Equal(t, missing, match.NewIndex(1, nil).Search("某市-1016-高中-10000-O1"))
}

// many100k are packages of 100 sites by 100 days by 10 grades.
func many100k() []task.Package {
	all := make([]task.Package, 0, 100_000)
	for i := range 100_000 {
		code := fmt.Sprintf("市%02d-%02d%02d-级%d-%d", i%100, 1+i/100%10, 1+i/1000%10, i/10_000, 1000+i)
		all = append(all, task.Package{ID: int64(i + 1), Code: code, Name: fmt.Sprintf("文件-%d.csv", i), ExternalID: fmt.Sprint(100_000 + i), Enabled: true})
	}
	return all
}

func BenchmarkLookup(b *testing.B) {
	all := many100k()
	index := match.NewIndex(1, all)
	names := make([]string, 1000)
	for i := range names {
		names[i] = all[i*97].Code + "-O1-A-L3-1018"
	}
	bench := func(b *testing.B, names []string, ref func(int) string) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if m, ok := index.Lookup(names[i%len(names)], ref(i)); !ok || m.State != task.Matched {
				b.Fatal("not matched")
			}
		}
	}
	b.Run("prefix", func(b *testing.B) { bench(b, names, func(int) string { return "" }) })
	b.Run("ref", func(b *testing.B) { bench(b, names, func(i int) string { return all[i%1000].ExternalID }) })
	b.Run("miss and search", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, ok := index.Lookup("远市-1214-高中-10000-O1-A-L3-1018", ""); ok {
				b.Fatal("matched")
			}
			if m := index.Search("远市-1214-高中-10000-O1-A-L3-1018"); m.State != task.MatchFailed {
				b.Fatal("not failed")
			}
		}
	})
}

func BenchmarkNewIndex(b *testing.B) {
	all := many100k()
	b.ReportAllocs()
	for b.Loop() {
		match.NewIndex(1, all)
	}
}
