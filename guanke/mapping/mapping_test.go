package mapping_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"tasksync/guanke/mapping"
)

func TestEmbeddedMappingIsAFileLikeAnyOther(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "copy.yaml")
	require.NoError(t, os.WriteFile(file, []byte(mapping.DefaultText()), 0o600))
	copied, err := mapping.Load(file)
	require.NoError(t, err)
	embedded, err := mapping.Load("")
	require.NoError(t, err)
	require.Equal(t, "冠客开放接口", embedded.Name)
	require.Equal(t, embedded.Fingerprint, copied.Fingerprint)
	require.Equal(t, embedded.List.Window, copied.List.Window)
	require.Equal(t, [][]string{{"GUANKE_API_SECRET"}, {"GUANKE_PASSWORD", "GUANKE_USERNAME"}}, embedded.Auth.Ways())
	for f, e := range embedded.Fields {
		require.True(t, e.Simple(), mapping.FieldKeys[f])
	}
}

func TestExamplesAreRight(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.yaml")
	require.NoError(t, err)
	require.Len(t, files, 3)
	for _, file := range files {
		_, err := mapping.Load(file)
		require.NoError(t, err)
	}
}

func TestMissingFile(t *testing.T) {
	t.Parallel()
	_, err := mapping.Load(filepath.Join(t.TempDir(), "none.yaml"))
	require.ErrorContains(t, err, "TASKSYNC_SOURCE_MAPPING")
	require.ErrorIs(t, err, os.ErrNotExist)
}

// mistakes change the embedded file; each has what stands at the place of the
// mistake, "" for a place that the YAML reader chooses, and what is said.
var mistakes = map[string]struct{ from, to, at, says string }{
	"no version":         {"version: 1\n", "", "name:", "version: 1"},
	"other version":      {"version: 1", "version: 2", "2\n", "只认得 1"},
	"unknown key":        {"zone:", "timezone:", "timezone:", `不认识的键 "timezone"；文件 里可以有：auth、`},
	"unknown inner key":  {"    first: 1", "    frist: 1", "frist", `"frist"`},
	"key twice":          {"zone: Asia/Shanghai", "zone: UTC\nzone: UTC", "zone: UTC\n\n", "重复"},
	"zone":               {"Asia/Shanghai", "Mars/Olympus", "Mars", "时区"},
	"host's zone":        {"Asia/Shanghai", "Local", "Local", "时区"},
	"kind of auth":       {"kind: token", "kind: magic", "magic", "none、static、basic、token"},
	"no kind":            {"kind: token", "", "requests:", "auth.kind"},
	"path of a request":  {"path: /token/secret", "path: token", "token\n      query", "以 / 开头"},
	"query in a path":    {"/token/secret", "/token?x=1", "/token?x", "query"},
	"credential in file": {`"${secret}"`, `"s3cret"`, "path: /token/secret", "不能写在文件里"},
	"unknown credential": {`"${secret}"`, `"${apikey}"`, "\"${apikey}", "${secret}、${username}、${password}"},
	"credential outside": {"Content-Type: application/json", `X: "${secret}"`, "\"${secret}\"\n\nauth", "只能写在 auth 里"},
	"bad header":         {"Content-Type: application/json", `"X Y": z`, "\"X Y", "请求头"},
	"secret header":      {"Content-Type: application/json", `authorization: Bearer x`, "authorization", "kind: static"},
	"encoding":           {"  path: /task/list/v2", "  path: /task/list/v2\n  encoding: xml", "xml", "可以是：json、form"},
	"own header":         {"Content-Type: application/json", `Host: z`, "Host", "Host"},
	"expression":         {".data.token", ".data.[", ".data.[", "没有写完"},
	"expression's place": {".data.token", ".data | )", ".data | )", "第 9 个字符"},
	"environment":        {".data.token", "env.TOKEN", "env.TOKEN", "env"},
	"environment's name": {".data.token", "$ENV.TOKEN", "$ENV", "$ENV"},
	"clock":              {"id: .id", "id: now", "now\n", "now"},
	"input":              {"id: .id", "id: input", "input\n", "input"},
	"file":               {"id: .id", `'id': 'import "a" as a; a::b'`, "'import", "import"},
	"unknown function":   {"id: .id", "id: .id | tostrin", ".id | tostrin", "tostrin"},
	"missing field":      {"  id: .id\n", "", "name: .taskName", "fields.id：任务编号"},
	"time format":        {`"2006-01-02 15:04:05"`, `"yyyy-MM-dd"`, "\"yyyy", `"2006-01-02 15:04:05"`},
	"coarse format":      {`"2006-01-02 15:04:05"`, `"2006-01-02"`, "\"2006-01-02\"", "granularity"},
	"created":            {"{path: .createTime, format: unix}", ".createTime", ".createTime\n", "{path: .createTime, format: unix}"},
	"created's format":   {", format: unix}", "}", "{path: .createTime", "unix（秒）"},
	"longest":            {"longest: 7d", "longest: 7", "7\n", "7d、12h"},
	"style":              {"style: page", "style: pages", "pages", "cursor"},
	"largest":            {"largest: 1000", "largest: 2000", "2000", "1 到 1000"},
	"codes":              {"codes:\n    success: [200]", "codes:\n    good: [200]", "good:", `"good"`},
	"range of codes":     {"500-599", "599-500", "599-500", "小于起点"},
	"pattern":            {"(?is)(token|令牌).*", "(?is)(token|令牌.*", "(?is)(token|令牌.*", "正则"},
	"code without codes": {"  codes:\n    success: [200]\n", "  codes:\n", "code: .code", "codes.success"},
	"not a list of keys": {"auth:\n", "auth: none\nx:\n", "none\nx", "auth 应为一组"},
	"tab":                {"  kind: token", "\tkind: token", "", "YAML"},
	"body of a GET":      {"  path: /task/list/v2", "  path: /task/list/v2\n  body: {a: 1}", "path: /task/list", "method: POST"},
	"ignore":             {"fields:\n", "ignore: [.a | length]\nfields:\n", ".a | length", "路径"},
	"anchor":             {"zone: Asia/Shanghai", "zone: &z Asia/Shanghai\nname2: *z", "name2", "不认识"},
	"path without dot":   {"id: .id", "id: taskId", "taskId", "例如 .taskId"},
	"JSONPath":           {".data.token", "$.data.token", "$.data", "JSONPath"},
	"name in Chinese":    {"id: .id", "id: .编号", ".编号", `."任务名"`},
	"list for a path":    {".data.data", "[.data.data]", "[.data.data]", "单引号"},
	"wide colon":         {"zone: Asia", "zone：Asia", "zone：", "中文冒号"},
	"colon in a value":   {"id: .id", "id: if .a then {x: 1} else .b end", "", "单引号"},
	"two documents":      {"fields:\n", "---\nfields:\n", "", "不止一个文档"},
	"literal credential": {"Content-Type: application/json", "Authorization: Bearer abc", "Authorization: Bearer", "不能写在文件里"},
	"same parameter":     {"end: endTime", "end: startTime", "startTime\n    format", "同一个参数"},
	"page and size":      {"size: pageSize", "size: page", "page\n    largest", "同一个参数"},
	"two totals":         {"    total: .data.totalCount", "    total: .x\n    total_header: X-Total", "X-Total", "只能写一个"},
}

func TestMistakesAreShownWhereTheyAre(t *testing.T) {
	t.Parallel()
	text := mapping.DefaultText()
	for name, m := range mistakes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, text, m.from)
			changed := strings.Replace(text, m.from, m.to, 1)
			_, err := mapping.Parse("m.yaml", []byte(changed))
			var wrong *mapping.Error
			require.ErrorAs(t, err, &wrong)
			before, _, found := strings.Cut(changed, m.at)
			require.True(t, found)
			lines := strings.Split(before, "\n")
			place := fmt.Sprintf("m.yaml:%d:%d: ", len(lines), utf8.RuneCountInString(lines[len(lines)-1])+1)
			if m.at == "" {
				place = "m.yaml:"
			}
			require.Contains(t, err.Error(), place)
			require.Contains(t, err.Error(), m.says)
			require.Contains(t, err.Error(), "TASKSYNC_SOURCE_MAPPING")
		})
	}
}

func TestAllMistakesAreReportedTogether(t *testing.T) {
	t.Parallel()
	_, err := mapping.Parse("m.yaml", []byte(`
version: 2
auth: {kind: token, token: ".["}
list: {path: x, paging: {style: cursor}, items: .a}
fields: {id: .id, label: .x, created_at: {path: .t, format: fortnight}}
colour: red
`))
	var wrong *mapping.Error
	require.ErrorAs(t, err, &wrong)
	require.GreaterOrEqual(t, len(wrong.Problems), 9, err)
	for i, p := range wrong.Problems[1:] {
		require.LessOrEqual(t, wrong.Problems[i].Line, p.Line)
	}
	for _, says := range []string{"version", "requests", `".["`, "list.path", "list.paging.param", "list.paging.next", "fields.name", "label", "fortnight", "colour"} {
		require.ErrorContains(t, err, says)
	}
}

func TestPathsOfExpressions(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		simple   bool
		consumes string
	}{
		".":                                    {true, "."},
		".a":                                   {true, ".a"},
		".a.b":                                 {true, ".a.b"},
		`."任务 名".x`:                            {true, `."任务 名".x`},
		`.["a"]["b"]?`:                         {true, ".a.b"},
		".a | .b":                              {true, ".a.b"},
		".a // .b.c":                           {true, ".a .b.c"},
		"(.a)":                                 {true, ".a"},
		".a | tostring":                        {false, ".a"},
		".a[0].b":                              {false, ".a"},
		".a[]":                                 {false, ".a"},
		`.a + "-" + .b.c`:                      {false, ".a .b.c"},
		`"\(.a)-\(.b | ascii_downcase)"`:       {false, ".a .b"},
		`if .a == 1 then .b else .c end`:       {false, ".a .b .c"},
		`.a | {x: .b, c}`:                      {false, ".a.b .a.c"},
		`[.a, .b] | join("-")`:                 {false, ".a .b"},
		`.list | map(select(.on)) | length`:    {false, ".list"},
		`.a // "none"`:                         {false, ".a"},
		`(.t | strptime("%Y-%m-%d") | mktime)`: {false, ".t"},
		`keys`:                                 {false, ""},
	} {
		yaml := strings.Replace(mapping.DefaultText(), "name: .taskName", "name: "+mustQuote(text), 1)
		m, err := mapping.Parse("m.yaml", []byte(yaml))
		require.NoError(t, err, text)
		e := m.Fields[mapping.FieldName]
		require.Equal(t, want.simple, e.Simple(), text)
		var paths []string
		for _, p := range e.Consumes {
			paths = append(paths, p.String())
		}
		require.Equal(t, want.consumes, strings.Join(paths, " "), text)
	}
}

func mustQuote(s string) string {
	out, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(out)
}

func TestCodes(t *testing.T) {
	t.Parallel()
	m, err := mapping.Parse("m.yaml", []byte(strings.Replace(mapping.DefaultText(), "success: [200]", `success: [0, "0000", OK, 10-12, -1, E-1]`, 1)))
	require.NoError(t, err)
	set := m.Envelope.Codes.Success
	for _, in := range []string{"0", "0000", "OK", "10", "12", "-1", "E-1"} {
		require.True(t, set.Has(in), in)
	}
	for _, out := range []string{"", "1", "13", "ok", "-", "E"} {
		require.False(t, set.Has(out), out)
	}
}

func TestTimeFormats(t *testing.T) {
	t.Parallel()
	zone, err := time.LoadLocation("Asia/Shanghai")
	require.NoError(t, err)
	at := time.Date(2026, 11, 23, 14, 5, 6, 0, zone)
	for text, f := range map[string]mapping.TimeFormat{
		"1795413906":                {Kind: mapping.TimeUnix},
		"1795413906000":             {Kind: mapping.TimeUnixMS},
		"2026-11-23T14:05:06+08:00": {Kind: mapping.TimeRFC3339},
		"2026-11-23 14:05:06":       {Kind: mapping.TimeLayout, Layout: "2006-01-02 15:04:05"},
		"23/11/2026 14:05:06.000":   {Kind: mapping.TimeLayout, Layout: "02/01/2006 15:04:05.000"},
	} {
		require.Equal(t, text, f.Write(at))
		got, ok := f.Parse(" "+text+" ", zone)
		require.True(t, ok, text)
		require.Equal(t, at, got)
		_, ok = f.Parse("soon", zone)
		require.False(t, ok)
	}
	for p, want := range map[mapping.Period]string{
		{Duration: time.Second}:   "14:05:06",
		{Duration: time.Minute}:   "14:05:00",
		{Duration: 6 * time.Hour}: "12:00:00",
		{Days: 1}:                 "00:00:00",
	} {
		require.Equal(t, want, p.Floor(at).Format(time.TimeOnly))
	}
	require.Equal(t, at.AddDate(0, 0, 1).Format(time.DateOnly), mapping.Period{Days: 1}.Ceil(at).Format(time.DateOnly))
}

var position = regexp.MustCompile(`^  f\.yaml:[1-9][0-9]*:[1-9][0-9]*: `)

// FuzzMapping: any text gives a mapping or mistakes with their places.
func FuzzMapping(f *testing.F) {
	f.Add(mapping.DefaultText())
	files, _ := filepath.Glob("testdata/*.yaml")
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(string(text))
	}
	for _, m := range mistakes {
		f.Add(strings.Replace(mapping.DefaultText(), m.from, m.to, 1))
	}
	for _, text := range []string{"", "a", "[]", "{}", "---\n---\n", "*a", "? [a]\n: b", "a: &a [*a]", "\xff", "a: !!binary x", "<<: {a: 1}", "version: 1\nauth:\n- kind\n"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := mapping.Parse("f.yaml", []byte(text))
		if err == nil {
			require.NotEmpty(t, m.Fingerprint)
			require.NotNil(t, m.List.Items)
			require.NotNil(t, m.Fields[mapping.FieldID])
			require.NotEmpty(t, m.Auth.Ways())
			return
		}
		var wrong *mapping.Error
		require.True(t, errors.As(err, &wrong))
		require.NotEmpty(t, wrong.Problems)
		for _, line := range strings.Split(err.Error(), "\n")[1:] {
			if strings.HasPrefix(line, "  f.yaml") {
				require.Regexp(t, position, line)
			}
		}
	})
}
