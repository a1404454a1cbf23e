package packagefile_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/iotest"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"tasksync/internal/packagefile"
	"tasksync/task"
)

func TestRead(t *testing.T) {
	t.Parallel()
	const header = "code,name,external_id,enabled\n"
	on := func(code string) task.Package { return task.Package{Code: code, Enabled: true} }
	off := func(code string) task.Package { return task.Package{Code: code} }
	tests := map[string]struct {
		in   string
		want []task.Package
		bad  []packagefile.LineError
	}{
		"all columns": {
			in:   header + "某市-1014-高中-10000,dy-20251014-高中.csv,123456,true\n",
			want: []task.Package{{Code: "某市-1014-高中-10000", Name: "dy-20251014-高中.csv", ExternalID: "123456", Enabled: true}},
		},
		"byte order mark, order, CRLF, spaces": {
			in:   "\ufeffEnabled, Name ,code\r\n 停用 , 名称 ,\tA1 \r\n",
			want: []task.Package{{Code: "A1", Name: "名称"}},
		},
		"only the code":  {in: "code\nA1", want: []task.Package{on("A1")}},
		"header only":    {in: header},
		"blank lines":    {in: header + "\n,,,\nA1,,,\n", want: []task.Package{on("A1")}},
		"words for on":   {in: "code,enabled\na1,\na2,TRUE\na3,1\na4,是\na5,启用\n", want: []task.Package{on("a1"), on("a2"), on("a3"), on("a4"), on("a5")}},
		"words for off":  {in: "code,enabled\na1,False\na2,0\na3,否\na4,停用\n", want: []task.Package{off("a1"), off("a2"), off("a3"), off("a4")}},
		"defused cells":  {in: "code\n'=1+1\n'-a\n'@b\n'+c\n''=d\n'e\n", want: []task.Package{on("=1+1"), on("-a"), on("@b"), on("+c"), on("'=d"), on("'e")}},
		"quoted":         {in: "code,name\na1,\"甲,\"\"乙\"\"\"\n", want: []task.Package{{Code: "a1", Name: `甲,"乙"`, Enabled: true}}},
		"at the limits":  {in: "code,name\n" + strings.Repeat("码", 200) + "," + strings.Repeat("名", 500), want: []task.Package{{Code: strings.Repeat("码", 200), Name: strings.Repeat("名", 500), Enabled: true}}},
		"over the limit": {in: "code,name,external_id\n" + strings.Repeat("码", 201) + ",,\na," + strings.Repeat("名", 501) + ",\nb,," + strings.Repeat("1", 129), bad: []packagefile.LineError{{2, "列 code 有 201 个字符，最多 200 个"}, {3, "列 name 有 501 个字符，最多 500 个"}, {4, "列 external_id 有 129 个字符，最多 128 个"}}},
		"bad lines among good ones": {
			in:   header + ",名称,,\nA1,,,maybe\nA1,,,\na１,,,\nP1,,,\nB1,,\n\"C\n1\",,,\n--,,,\nD1,,,\n",
			want: []task.Package{on("A1"), on("D1")},
			bad: []packagefile.LineError{
				{2, "缺少编码（code）"},
				{3, "列 enabled 的值“maybe”无法识别，可用：true/false、1/0、是/否、启用/停用"},
				{5, "编码（code）“a１”与第 4 行重复"},
				{6, "编码（code）“P1”不能用作编码：它只是层级或符号，不能区分数据包"},
				{7, "有 3 列，表头有 4 列"},
				{8, "列 code 含有换行或其他控制字符"},
				{10, "编码（code）“--”不能用作编码：它只是层级或符号，不能区分数据包"},
			},
		},
		"stray quotes": {
			in:   "code\na\"1\nb1\n",
			want: []task.Package{on("b1")},
			bad:  []packagefile.LineError{{2, "引号不成对，含有引号或逗号的内容须用双引号括起，其中的双引号写两遍"}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, bad, err := packagefile.Read(strings.NewReader(tt.in))
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
			require.Equal(t, tt.bad, bad)
		})
	}
}

func TestReadRefusesTheFile(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ in, want string }{
		"empty":          {"", "文件是空的，第一行应为表头：code,name,external_id,enabled"},
		"no header":      {"某市-1014-高中-10000,名称\n", "表头中的列“某市-1014-高中-10000”无法识别，可用的列：code,name,external_id,enabled（用英文逗号分隔）"},
		"semicolons":     {"code;name\n", "表头中的列“code;name”无法识别，可用的列：code,name,external_id,enabled（用英文逗号分隔）"},
		"no code column": {"name,enabled\n", "表头缺少列 code，第一行应为：code,name,external_id,enabled"},
		"twice":          {"code,CODE\n", "表头中的列 code 重复"},
		"GBK":            {"code,name\nA1,\xb8\xdf\xd6\xd0\n", "文件不是 UTF-8 编码，请另存为“CSV UTF-8”后重试"},
		"quoted header":  {"co\"de\n", "表头无法解析，第一行应为：code,name,external_id,enabled"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := packagefile.Read(strings.NewReader(tt.in))
			require.Equal(t, task.CodeInvalidArgument, task.CodeOf(err))
			require.Equal(t, tt.want, task.MessageOf(err))
		})
	}
	broken := errors.New("disk on fire")
	_, _, err := packagefile.Read(iotest.ErrReader(broken))
	require.ErrorIs(t, err, broken)
}

func TestLineErrorNamesItsLine(t *testing.T) {
	t.Parallel()
	require.EqualError(t, packagefile.LineError{Line: 3, Reason: "缺少编码（code）"}, "第 3 行：缺少编码（code）")
}

func TestWrite(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, packagefile.Write(&out, []task.Package{
		{Code: "某市-1014-高中-10000", Name: `甲,"乙"`, ExternalID: "123456", Enabled: true},
		{Code: "=1+1", Name: "@cmd", ExternalID: "-1"},
		{Code: "'+x", Name: "'普通"},
	}))
	require.Equal(t, "code,name,external_id,enabled\n"+
		"某市-1014-高中-10000,\"甲,\"\"乙\"\"\",123456,true\n"+
		"'=1+1,'@cmd,'-1,false\n"+
		"''+x,'普通,,false\n", out.String())
}

func TestWriteReportsTheWriter(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk full")
	err := packagefile.Write(failingWriter{broken}, []task.Package{{Code: "a"}})
	require.ErrorIs(t, err, broken)
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

// FuzzRoundTrip writes a package and reads it again.
func FuzzRoundTrip(f *testing.F) {
	f.Add("某市-1014-高中-10000", "dy-20251014-高中.csv", "123456", true)
	f.Add("'=a", "''-\"b\"", "@", false)
	f.Fuzz(func(t *testing.T, code, name, external string, enabled bool) {
		for _, s := range []string{code, name, external} {
			if !utf8.ValidString(s) || strings.TrimSpace(s) != s || strings.ContainsFunc(s, unicode.IsControl) {
				return
			}
		}
		want := task.Package{Code: code, Name: name, ExternalID: external, Enabled: enabled}
		var out bytes.Buffer
		require.NoError(t, packagefile.Write(&out, []task.Package{want}))
		got, bad, err := packagefile.Read(&out)
		require.NoError(t, err)
		if len(bad) > 0 {
			return // longer than the limits, or a code that is only a level
		}
		require.Equal(t, []task.Package{want}, got)
	})
}
