package guanke_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"tasksync/guanke"
	"tasksync/guanke/mapping"
	"tasksync/internal/pgtest"
	"tasksync/task"
)

// changed is Guanke's own mapping with a change.
func changed(t *testing.T, from, to string) *mapping.Mapping {
	t.Helper()
	require.Contains(t, mapping.DefaultText(), from)
	m, err := mapping.Parse("changed.yaml", []byte(strings.Replace(mapping.DefaultText(), from, to, 1)))
	require.NoError(t, err)
	return m
}

// oneBy reads a list with a single entry by m.
func oneBy(t *testing.T, m *mapping.Mapping, entry string) task.Page {
	t.Helper()
	c := newClient(t, serve(t, source(list(entry, 1))), func(cfg *guanke.Config) { cfg.Mapping = m })
	pages, err := read(t.Context(), c, today)
	require.NoError(t, err)
	require.Len(t, pages, 1)
	return pages[0]
}

// oddAttributes are left-over members and the attributes that they become.
func oddAttributes() map[string]string {
	return map[string]string{
		`"b":1,"a":2`:                               `{"a":2,"b":1}`,
		`"a":1,"a":2,"\u0061":3`:                    `{"a":3}`,
		`"a":123456789012345678901234567890.120`:    `{"a":123456789012345678901234567890.120}`,
		`"a":1e400000,"b":-1E-99999,"c":1e3`:        `{"a":"1e400000","b":"-1E-99999","c":1e3}`,
		`"a":` + strings.Repeat("9", 1001):          `{"a":"` + strings.Repeat("9", 1001) + `"}`,
		`"a":"x\u0000y\ud800z\u00e9\/"`:             `{"a":"x�y�zé/"}`,
		`"a\u0000":null,"b":true,"c":""`:            `{"a�":null,"b":true,"c":""}`,
		`"a": { "y" : [ 1.0 , "\ud800" ],"x":{} }`:  `{"a":{"x":{},"y":[1.0,"�"]}}`,
		`"a":{"k":1,"k":{"\u0000":1e999999999999}}`: `{"a":{"k":{"�":"1e999999999999"}}}`,
	}
}

func TestAttributes(t *testing.T) {
	t.Parallel()
	for more, want := range oddAttributes() {
		t.Run(more[:min(len(more), 40)], func(t *testing.T) {
			t.Parallel()
			page := one(t, fields(more))
			require.Empty(t, page.Rejects)
			require.Equal(t, want, string(page.Tasks[0].Attributes))
			requireJSONB(t, page.Tasks[0].Attributes)
		})
	}
}

// PostgreSQL stores each of them and gives back what was meant.
func TestAttributesFitTheDatabase(t *testing.T) {
	t.Parallel()
	conn, err := pgx.Connect(t.Context(), pgtest.New(t))
	require.NoError(t, err)
	defer conn.Close(t.Context())
	deep := strings.Repeat(`{"k":[`, 49) + strings.Repeat(`]}`, 49)
	all := append(slices.Collect(maps.Keys(oddAttributes())), `"a":`+deep, `"a":1e1000,"b":-1.5e-1000,"c":-0,"d":0.10`)
	for _, more := range all {
		attributes := string(one(t, fields(more)).Tasks[0].Attributes)
		var text string
		require.NoError(t, conn.QueryRow(t.Context(), "SELECT $1::text::jsonb::text", attributes).Scan(&text), attributes)
		require.NotContains(t, text, "_omitted")
	}
	var digits string
	attributes := string(one(t, fields(`"a":123456789012345678901234567890.120`)).Tasks[0].Attributes)
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT $1::text::jsonb->>'a'", attributes).Scan(&digits))
	require.Equal(t, "123456789012345678901234567890.120", digits)
}

// The same content written otherwise is the same task.
func TestAttributesHaveOneForm(t *testing.T) {
	t.Parallel()
	a := one(t, fields(`"b":{"y":[1,2],"x":"é"},"a":"/"`)).Tasks[0]
	b := one(t, fields(`"a":"\/", "b" : {"x":"\u00e9", "y":[ 1, 2 ]}`)).Tasks[0]
	c := one(t, fields(`"a":"\/", "b" : {"x":"\u00e9", "y":[ 1, 3 ]}`)).Tasks[0]
	require.Equal(t, a.Hash(), b.Hash())
	require.NotEqual(t, a.Hash(), c.Hash())
}

func TestAttributesAreBounded(t *testing.T) {
	t.Parallel()
	long := func(n int) string { return `"` + strings.Repeat("y", n) + `"` }
	for name, tc := range map[string]struct {
		more    string
		kept    []string
		omitted []any
	}{
		"one too long":  {`"a":1,"b":` + long(20_000) + `,"c":3`, []string{"_omitted", "a", "c"}, []any{"b"}},
		"all together":  {`"a":` + long(9_000) + `,"b":` + long(9_000) + `,"c":` + long(5_000), []string{"_omitted", "a", "c"}, []any{"b"}},
		"a long name":   {long(20_000) + `:1,"a":2`, []string{"_omitted", "a"}, []any{strings.Repeat("y", 60)}},
		"escapes grow":  {`"a":"` + strings.Repeat(`\u0001`, 5_000) + `"`, []string{"_omitted"}, []any{"a"}},
		"nested deeply": {`"a":` + strings.Repeat("[", 500) + strings.Repeat("]", 500), []string{"_omitted"}, []any{"a"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := one(t, fields(tc.more)).Tasks[0]
			require.LessOrEqual(t, len(x.Attributes), guanke.MaxAttributes)
			var got map[string]any
			require.NoError(t, json.Unmarshal(x.Attributes, &got))
			require.Equal(t, tc.omitted, got["_omitted"])
			for _, name := range tc.kept {
				require.Contains(t, got, name)
			}
			require.Len(t, got, len(tc.kept))
		})
	}

	var many []string
	for i := range 3000 {
		many = append(many, fmt.Sprintf(`"%s%04d":%s`, strings.Repeat("n", 100), i, long(40)))
	}
	x := one(t, fields(strings.Join(many, ","))).Tasks[0]
	require.LessOrEqual(t, len(x.Attributes), guanke.MaxAttributes)
	require.True(t, json.Valid(x.Attributes))
}

func TestIgnoredFieldsDoNotChangeATask(t *testing.T) {
	t.Parallel()
	m := changed(t, "fields:\n", "ignore: [.seen, .extra.at, '.\"odd name\"']\nfields:\n")
	a := oneBy(t, m, fields(`"seen":1,"extra":{"at":1,"is":2},"odd name":3`)).Tasks[0]
	b := oneBy(t, m, fields(`"seen":2,"extra":{"at":{"x":5},"is":2}`)).Tasks[0]
	require.Equal(t, `{"extra":{"is":2}}`, string(a.Attributes))
	require.Equal(t, a.Hash(), b.Hash())
	require.Nil(t, oneBy(t, m, fields(`"seen":2,"extra":{"at":1}`)).Tasks[0].Attributes)
	require.Equal(t, `{"extra":7}`, string(oneBy(t, m, fields(`"extra":7`)).Tasks[0].Attributes))

	// An object that is ignored as a whole may still hold a field.
	m = changed(t, "  name: .taskName\n", "  name: .x.name\n")
	x := oneBy(t, m, fields(`"x":{"name":"n","y":1}`)).Tasks[0]
	require.Equal(t, "n", x.Name)
	require.Equal(t, `{"taskName":"测试任务-P1","x":{"y":1}}`, string(x.Attributes))
	m.Ignore = []mapping.Path{{"x"}}
	x = oneBy(t, m, fields(`"x":{"name":"n","y":1}`)).Tasks[0]
	require.Equal(t, "n", x.Name)
	require.Equal(t, `{"taskName":"测试任务-P1"}`, string(x.Attributes))
}

func TestExpressionsThatAreRun(t *testing.T) {
	t.Parallel()
	for expr, tc := range map[string]struct{ entry, want, reason string }{
		`(.a + "-" + (.b | tostring))`: {`"a":"x","b":9007199254740993`, "x-9007199254740993", ""},
		`.b`:                           {`"b":9007199254740993`, "9007199254740993", ""},
		`(.b | tostring)`:              {`"b":123456789012345678901234567890`, "123456789012345678901234567890", ""},
		`(.b + 1)`:                     {`"b":9007199254740993`, "9007199254740994", ""},
		`(.b | .)`:                     {`"b":18014398509481985`, "18014398509481985", ""},
		`(.list | first)`:              {`"list":["f","g"]`, "f", ""},
		`(.list[1])`:                   {`"list":["f","g"]`, "g", ""},
		`(.a // .b // "none")`:         {`"a":null`, "none", ""},
		`(.a // .b)`:                   {`"a":false,"b":"q"`, "q", ""},
		`(empty)`:                      {`"a":1`, "", "缺少任务编号"},
		`(.a | ascii_downcase)`:        {`"a":"x\ud800"`, "", "UTF-8"},
		`(.a | explode | implode)`:     {`"a":"x\ufffd"`, "x�", ""},
		`(.a)`:                         {`"a":"x\u0000"`, "", "NUL"},
		`(.a | test("("))`:             {`"a":"x"`, "", "算不出来"},
		`(.a.b.c)`:                     {`"a":"x"`, "", "缺少任务编号"},
		`(.a | fromjson)`:              {`"a":"{"`, "", "算不出来"},
		`(.a | error)`:                 {`"a":"` + strings.Repeat("长", 900) + `"`, "", "算不出来"},
		`("x" * 200)`:                  {`"a":1`, "", "超过 128"},
		`(.b | sqrt)`:                  {`"b":2`, "", "不是整数"},
		`(infinite)`:                   {`"b":2`, "", "缺少任务编号"},
		`(nan)`:                        {`"b":2`, "", "缺少任务编号"},
	} {
		t.Run(expr, func(t *testing.T) {
			t.Parallel()
			quoted, err := json.Marshal(expr)
			require.NoError(t, err)
			entry := strings.Replace(fields(tc.entry), `"id":5344001,`, "", 1)
			page := oneBy(t, changed(t, "id: .id", "id: "+string(quoted)), entry)
			if tc.reason == "" {
				require.Empty(t, page.Rejects)
				require.Equal(t, tc.want, page.Tasks[0].ID)
				return
			}
			require.Len(t, page.Rejects, 1)
			require.Contains(t, page.Rejects[0].Reason, tc.reason)
			requireRecordable(t, page.Rejects[0])
		})
	}
}

func TestExpressionThatNeverEnds(t *testing.T) {
	t.Parallel()
	m := changed(t, "id: .id", `id: "last(repeat(1))"`)
	c := newClient(t, serve(t, source(list(fields(`"id":1`), 1))), func(cfg *guanke.Config) { cfg.Mapping = m })
	_, err := read(t.Context(), c, today)
	require.Equal(t, task.CodeSourceContract, task.CodeOf(err), err)
	require.Contains(t, task.MessageOf(err), "没有算完")
}
