package guanke_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tasksync/guanke"
	"tasksync/task"
)

// A malformedEntry stands between two good entries, which always arrive.
type malformedEntry struct {
	name, entry string
	// reason is a part of the reject's reason; "" where the entry is a task.
	reason string
	// id and taskName are those of the reject, or of the task.
	id, taskName string
	// also looks at the task.
	also func(*testing.T, task.Task)
	// mended is set where the payload is not what was sent, byte by byte.
	mended bool
}

// The id and the name that fields gives an entry.
const (
	plainID   = "5344001"
	plainName = "测试任务-P1"
)

// bare is an entry of the given members and no others.
func bare(members ...string) string { return "{" + strings.Join(members, ",") + "}" }

var (
	withID      = `"id":5344001`
	withName    = `"taskName":"测试任务-P1"`
	withCreated = fmt.Sprintf(`"createTime":%d`, created.Unix())
)

func malformedEntries() []malformedEntry {
	counts := func(total, called, connected, succeeded int64) func(*testing.T, task.Task) {
		return func(t *testing.T, got task.Task) {
			require.Equal(t, []int64{total, called, connected, succeeded}, []int64{got.Total, got.Called, got.Connected, got.Succeeded})
		}
	}
	state := func(want string) func(*testing.T, task.Task) {
		return func(t *testing.T, got task.Task) { require.Equal(t, want, got.State) }
	}
	createdAt := func(want time.Time) func(*testing.T, task.Task) {
		return func(t *testing.T, got task.Task) { require.True(t, want.Equal(got.CreatedAt), got.CreatedAt) }
	}
	nines := func(n int) string { return strings.Repeat("9", n) }
	han := func(n int) string { return strings.Repeat("名", n) }
	text := func(name, value string) string { return `"` + name + `":"` + value + `"` }

	return []malformedEntry{
		// Entries that are no objects.
		{name: "null", entry: `null`, reason: "不是 JSON 对象"},
		{name: "true", entry: `true`, reason: "不是 JSON 对象"},
		{name: "a number", entry: `5344001`, reason: "不是 JSON 对象"},
		{name: "a text", entry: `"5344001"`, reason: "不是 JSON 对象"},
		{name: "an array", entry: `[{"id":5344001}]`, reason: "不是 JSON 对象"},
		{name: "an empty object", entry: `{}`, reason: "缺少任务编号"},
		{name: "null for everything", entry: bare(`"id":null`, `"taskName":null`, `"state":null`, `"totalNumber":null`, `"callNumber":null`,
			`"connectNumber":null`, `"successNumber":null`, `"createTime":null`), reason: "缺少任务编号"},

		// The id.
		{name: "no id", entry: bare(withName, withCreated), reason: "缺少任务编号", taskName: plainName},
		{name: "id null", entry: bare(`"id":null`, withName, withCreated), reason: "缺少任务编号", taskName: plainName},
		{name: "id empty", entry: fields(`"id":""`), reason: "缺少任务编号", taskName: plainName},
		{name: "id blank", entry: fields(`"id":" 　\t"`), reason: "缺少任务编号", taskName: plainName},
		{name: "id true", entry: bare(`"id":true`, withName, withCreated), reason: "编号（id）的类型不对", taskName: plainName},
		{name: "id an object", entry: bare(`"id":{"id":1}`, withName, withCreated), reason: "编号（id）的类型不对", taskName: plainName},
		{name: "id an array", entry: bare(`"id":[5344001]`, withName, withCreated), reason: "编号（id）的类型不对", taskName: plainName},
		{name: "id a fraction", entry: fields(`"id":1.5`), reason: "编号（id）不是整数", id: "1.5", taskName: plainName},
		{name: "id with an exponent", entry: fields(`"id":5e6`), reason: "编号（id）不是整数", id: "5e6", taskName: plainName},
		{name: "id a whole fraction", entry: fields(`"id":7.0`), reason: "编号（id）不是整数", id: "7.0", taskName: plainName},
		{name: "id negative", entry: fields(`"id":-7`), id: "-7", taskName: plainName},
		{name: "id zero", entry: fields(`"id":0`), id: "0", taskName: plainName},
		{name: "id as text", entry: fields(`"id":"0005344001"`), id: "0005344001", taskName: plainName},
		{name: "id beyond 2^53", entry: fields(`"id":9007199254740993`), id: "9007199254740993", taskName: plainName},
		{name: "id beyond 2^64", entry: fields(`"id":18446744073709551617`), id: "18446744073709551617", taskName: plainName},
		{name: "id of 128 digits", entry: fields(`"id":` + nines(128)), id: nines(128), taskName: plainName},
		{name: "id of 129 digits", entry: fields(`"id":` + nines(129)), reason: "超过 128 个字符", id: nines(128), taskName: plainName},
		{name: "id of 128 Chinese characters", entry: fields(text("id", han(128))), id: han(128), taskName: plainName},
		{name: "id of 129 Chinese characters", entry: fields(text("id", han(129))), reason: "超过 128 个字符", id: han(128), taskName: plainName},
		{name: "id with NUL", entry: fields(`"id":"a\u0000b"`), reason: "空字符", id: "a�b", taskName: plainName},
		{name: "id with a lone surrogate", entry: fields(`"id":"a\udc00"`), reason: "UTF-8", id: "a�", taskName: plainName},
		{name: "id with invalid UTF-8", entry: fields("\"id\":\"a\xc3\x28\""), reason: "UTF-8", id: "a�(", taskName: plainName},

		// The name.
		{name: "no name", entry: bare(withID, withCreated), reason: "缺少任务名称", id: plainID},
		{name: "name null", entry: bare(withID, `"taskName":null`, withCreated), reason: "缺少任务名称", id: plainID},
		{name: "name empty", entry: fields(`"taskName":""`), reason: "缺少任务名称", id: plainID},
		{name: "name blank", entry: fields(`"taskName":"　 \n\t\u00a0"`), reason: "缺少任务名称", id: plainID},
		{name: "name a number", entry: bare(withID, `"taskName":7`, withCreated), reason: "名称（taskName）的类型不对", id: plainID},
		{name: "name false", entry: bare(withID, `"taskName":false`, withCreated), reason: "名称（taskName）的类型不对", id: plainID},
		{name: "name an object", entry: bare(withID, `"taskName":{"zh":"名"}`, withCreated), reason: "名称（taskName）的类型不对", id: plainID},
		{name: "name of 500 characters", entry: fields(text("taskName", han(500))), id: plainID, taskName: han(500)},
		{name: "name of 501 characters", entry: fields(text("taskName", han(501))), reason: "超过 500 个字符", id: plainID, taskName: han(500)},
		{name: "name of 500 characters beyond the BMP", entry: fields(text("taskName", strings.Repeat(`\ud83d\ude00`, 500))), id: plainID, taskName: strings.Repeat("😀", 500)},
		{name: "name of 1 MB", entry: fields(text("taskName", strings.Repeat("x", 1<<20))), reason: "超过 500", id: plainID, taskName: strings.Repeat("x", 500)},
		{name: "name with NUL, escaped", entry: fields(`"taskName":"a\u0000b"`), reason: "空字符", id: plainID, taskName: "a�b"},
		{mended: true, name: "name with NUL, raw", entry: fields("\"taskName\":\"a\x00b\""), reason: "空字符", id: plainID, taskName: "a�b"},
		{name: "name with a line break, raw", entry: fields("\"taskName\":\"a\r\n\tb\""), id: plainID, taskName: "a\r\n\tb"},
		{name: "name with a lone high surrogate", entry: fields(`"taskName":"a\ud800b"`), reason: "UTF-8", id: plainID, taskName: "a�b"},
		{name: "name with a lone low surrogate", entry: fields(`"taskName":"\udfff"`), reason: "UTF-8", id: plainID, taskName: "�"},
		{name: "name with surrogates the wrong way round", entry: fields(`"taskName":"\ude00\ud83d"`), reason: "UTF-8", id: plainID, taskName: "��"},
		{name: "name with invalid UTF-8", entry: fields("\"taskName\":\"a\xff\""), reason: "UTF-8", id: plainID, taskName: "a�"},
		{name: "name in GBK", entry: fields("\"taskName\":\"\xb2\xe2\xca\xd4\""), reason: "UTF-8", id: plainID, taskName: "�"},
		{name: "name with a surrogate in UTF-8", entry: fields("\"taskName\":\"a\xed\xa0\x80\""), reason: "UTF-8", id: plainID, taskName: "a�"},
		{name: "name with an overlong NUL", entry: fields("\"taskName\":\"a\xc0\x80\""), reason: "UTF-8", id: plainID, taskName: "a�"},
		{name: "name with what JSON escapes", entry: fields(`"taskName":"\"\\\/\b\f\u00e9"`), id: plainID, taskName: "\"\\/\b\fé"},

		// The state.
		{name: "state as text", entry: fields(`"state":"3"`), id: plainID, taskName: plainName, also: state("3")},
		{name: "state beyond 5", entry: fields(`"state":99`), id: plainID, taskName: plainName, also: state("99")},
		{name: "state null", entry: fields(`"state":null`), id: plainID, taskName: plainName, also: state("")},
		{name: "state true", entry: fields(`"state":true`), reason: "state", id: plainID, taskName: plainName},
		{name: "state an object", entry: fields(`"state":{"code":3}`), reason: "state", id: plainID, taskName: plainName},
		{name: "state with NUL", entry: fields(`"state":"\u0000"`), reason: "空字符", id: plainID, taskName: plainName},

		// The counts.
		{name: "counts as text", entry: fields(`"totalNumber":"40","callNumber":" 30 ","connectNumber":"20","successNumber":"10"`), id: plainID, taskName: plainName, also: counts(40, 30, 20, 10)},
		{name: "counts as whole fractions", entry: fields(`"totalNumber":40.0,"callNumber":3e1,"connectNumber":"20.0","successNumber":1E1`), id: plainID, taskName: plainName, also: counts(40, 30, 20, 10)},
		{name: "counts missing, null and empty", entry: fields(`"totalNumber":null,"callNumber":""`), id: plainID, taskName: plainName, also: counts(0, 0, 0, 0)},
		{name: "more called than there are", entry: fields(`"totalNumber":1,"callNumber":5`), id: plainID, taskName: plainName, also: counts(1, 5, 0, 0)},
		{name: "the largest count", entry: fields(`"totalNumber":9223372036854775807`), id: plainID, taskName: plainName, also: counts(1<<63-1, 0, 0, 0)},
		{name: "count overflows", entry: fields(`"totalNumber":9223372036854775808`), reason: "totalNumber", id: plainID, taskName: plainName},
		{name: "count overflows a float", entry: fields(`"callNumber":1e999`), reason: "callNumber", id: plainID, taskName: plainName},
		{name: "count negative", entry: fields(`"callNumber":-1`), reason: "callNumber 小于 0", id: plainID, taskName: plainName},
		{name: "count a fraction", entry: fields(`"connectNumber":1.5`), reason: "connectNumber", id: plainID, taskName: plainName},
		{name: "count a word", entry: fields(`"successNumber":"many"`), reason: "successNumber", id: plainID, taskName: plainName},
		{name: "count the word NaN", entry: fields(`"successNumber":"NaN"`), reason: "successNumber", id: plainID, taskName: plainName},
		{mended: true, name: "count NaN", entry: fields(`"totalNumber":NaN`), reason: "totalNumber", id: plainID, taskName: plainName},
		{mended: true, name: "count -Infinity", entry: fields(`"totalNumber": -Infinity`), reason: "totalNumber", id: plainID, taskName: plainName},
		{name: "count hexadecimal", entry: fields(`"totalNumber":"0x10"`), reason: "totalNumber", id: plainID, taskName: plainName},
		{name: "count true", entry: fields(`"totalNumber":true`), reason: "totalNumber", id: plainID, taskName: plainName},
		{name: "count an array", entry: fields(`"totalNumber":[1]`), reason: "totalNumber", id: plainID, taskName: plainName},
		{name: "count an object", entry: fields(`"totalNumber":{}`), reason: "totalNumber", id: plainID, taskName: plainName},

		// The creation time.
		{name: "no time", entry: bare(withID, withName), reason: "缺少创建时间", id: plainID, taskName: plainName},
		{name: "time null", entry: bare(withID, withName, `"createTime":null`), reason: "缺少创建时间", id: plainID, taskName: plainName},
		{name: "time zero", entry: fields(`"createTime":0`), reason: "2000 年到 2100 年", id: plainID, taskName: plainName},
		{name: "time negative", entry: fields(`"createTime":-1795406400`), reason: "2000 年到 2100 年", id: plainID, taskName: plainName},
		{name: "time in milliseconds", entry: fields(fmt.Sprintf(`"createTime":%d`, created.UnixMilli())), reason: "秒数", id: plainID, taskName: plainName},
		{name: "time of 1999", entry: fields(`"createTime":946684799`), reason: "2000 年到 2100 年", id: plainID, taskName: plainName},
		{name: "time of 2100", entry: fields(`"createTime":4102444800`), reason: "2000 年到 2100 年", id: plainID, taskName: plainName},
		{name: "time as digits in a text", entry: fields(fmt.Sprintf(`"createTime":"%d"`, today.From.Unix())), id: plainID, taskName: plainName, also: createdAt(today.From)},
		{name: "time as a date", entry: fields(`"createTime":"2026-11-23 10:00:00"`), reason: "创建时间", id: plainID, taskName: plainName},
		{name: "time a fraction", entry: fields(`"createTime":1795406400.5`), reason: "创建时间", id: plainID, taskName: plainName},
		{name: "time true", entry: fields(`"createTime":true`), reason: "创建时间", id: plainID, taskName: plainName},
		{name: "time huge", entry: fields(`"createTime":1` + strings.Repeat("0", 400)), reason: "创建时间", id: plainID, taskName: plainName},

		// The package.
		{name: "package code blank", entry: fields(`"packageCode":"  ","packageId":0`), id: plainID, taskName: plainName, also: func(t *testing.T, got task.Task) { require.Empty(t, got.PackageRef) }},
		{name: "package code an array", entry: fields(`"packageCode":[]`), reason: "packageCode", id: plainID, taskName: plainName},
		{name: "package code of 501 characters", entry: fields(text("packageCode", han(501))), reason: "超过 500", id: plainID, taskName: plainName},
		{name: "package id true", entry: fields(`"packageId":true`), reason: "packageId", id: plainID, taskName: plainName},

		// The rest.
		{name: "members twice, the last counts", entry: fields(`"id":1,"id":2,"taskName":"甲","taskName":"乙"`), id: "2", taskName: "乙"},
		{name: "names of members in other cases", entry: bare(`"ID":5344001`, `"TaskName":"x"`, withCreated), reason: "缺少任务编号"},
		{name: "invalid UTF-8 in another member", entry: fields("\"x\":\"a\xff\""), reason: "UTF-8", id: plainID, taskName: plainName},
		{name: "invalid UTF-8 in the name of a member", entry: fields("\"x\xff\":1"), reason: "UTF-8", id: plainID, taskName: plainName},
		{name: "junk below another member", entry: fields(`"x":{"id":[1,{"id":2,"taskName":null}],"":[[],{}]}`), id: plainID, taskName: plainName},
		{name: "two problems, the first is told", entry: fields(`"callNumber":-1,"totalNumber":true`), reason: "callNumber 小于 0", id: plainID, taskName: plainName},
	}
}

func TestMalformedEntriesCostOnlyThemselves(t *testing.T) {
	t.Parallel()
	for _, tc := range malformedEntries() {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			page := one(t, fields(`"id":"before"`)+","+tc.entry+","+fields(`"id":"after"`))
			ids := make([]string, 0, 3)
			for _, x := range page.Tasks {
				ids = append(ids, x.ID)
			}
			if tc.reason == "" {
				require.Empty(t, page.Rejects)
				require.Equal(t, []string{"before", tc.id, "after"}, ids)
				require.Equal(t, tc.taskName, page.Tasks[1].Name)
				if tc.also != nil {
					tc.also(t, page.Tasks[1])
				}
				return
			}
			require.Equal(t, []string{"before", "after"}, ids)
			require.Len(t, page.Rejects, 1)
			got := page.Rejects[0]
			require.Contains(t, got.Reason, tc.reason)
			require.Equal(t, tc.id, got.TaskID)
			require.Equal(t, tc.taskName, got.TaskName)
			if !tc.mended {
				require.Equal(t, tc.entry[:min(len(tc.entry), 64<<10)], string(got.Payload))
			}
			for _, x := range page.Tasks {
				requireStorable(t, x)
			}
			requireRecordable(t, got)
		})
	}
}

// A malformedAnswer is the source's whole answer to the first page.
type malformedAnswer struct {
	name, body string
	// tasks and rejects count what comes; code is the error where nothing does.
	tasks, rejects int
	total          int // -1 for none
	code           task.Code
	// says is a part of the error's message.
	says string
}

func malformedAnswers() []malformedAnswer {
	const (
		unavailable = task.CodeSourceUnavailable
		contract    = task.CodeSourceContract
	)
	good := fields(`"state":1`)
	list := func(data string) string { return `{"code":200,"message":"OK","data":` + data + `}` }
	of := func(entries, total string) string {
		return list(`{"data":[` + entries + `],"totalCount":` + total + `}`)
	}
	return []malformedAnswer{
		// Answers that are read all the same.
		{name: "code as text", body: `{"code":"200","data":{"data":[` + good + `],"totalCount":1}}`, tasks: 1, total: 1},
		{name: "code last", body: `{"data":{"totalCount":1,"data":[` + good + `]},"code":200}`, tasks: 1, total: 1},
		{name: "message of another type", body: `{"code":200,"message":{"a":1},"data":{"data":[` + good + `],"totalCount":1}}`, tasks: 1, total: 1},
		{name: "total as text", body: of(good, `"1"`), tasks: 1, total: 1},
		{name: "total null", body: of(good, `null`), tasks: 1, total: -1},
		{name: "no total", body: list(`{"data":[` + good + `]}`), tasks: 1, total: -1},
		{name: "total as a whole fraction", body: of(good, `1.0`), tasks: 1, total: 1},
		{name: "list null", body: list(`{"data":null,"totalCount":0}`), total: 0},
		{name: "list empty", body: of(``, `0`), total: 0},
		{name: "byte-order mark", body: "\xef\xbb\xbf" + of(good, `1`), tasks: 1, total: 1},
		{name: "white space around", body: "\r\n\t " + of(good, `1`) + " \n\n", tasks: 1, total: 1},
		{name: "unknown members", body: `{"x":[{}],"code":200,"data":{"y":{"data":1},"data":[` + good + `],"totalCount":1}}`, tasks: 1, total: 1},
		{name: "only bad entries", body: of(`{},null,7`, `3`), rejects: 3, total: 3},
		{name: "the same id twice", body: of(good+","+good, `2`), tasks: 2, total: 2},

		// Answers that say something else than a list.
		{name: "empty body", body: ``, code: unavailable, says: "不完整"},
		{name: "white space only", body: " \n", code: unavailable, says: "不完整"},
		{name: "cut in the envelope", body: `{"code":200,"da`, code: unavailable, says: "不完整"},
		{name: "cut in an entry", body: `{"code":200,"data":{"data":[` + good + `,{"id":53440`, code: unavailable, says: "不完整"},
		{name: "cut in a text", body: `{"code":200,"data":{"data":[{"taskName":"测`, code: unavailable, says: "不完整"},
		{name: "HTML", body: `<!DOCTYPE html><html><body>502</body></html>`, code: contract, says: "不是有效的 JSON"},
		{name: "XML", body: `<?xml version="1.0"?><code>200</code>`, code: contract, says: "不是有效的 JSON"},
		{name: "a word", body: `OK`, code: contract, says: "不是有效的 JSON"},
		{name: "JSONP", body: `callback(` + of(good, `1`) + `)`, code: contract, says: "不是有效的 JSON"},
		{name: "UTF-16", body: "\xff\xfe{\x00}\x00", code: contract, says: "不是有效的 JSON"},
		{name: "single quotes", body: `{'code':200}`, code: contract, says: "不是有效的 JSON"},
		{name: "a comma too many", body: of(good+",", `1`), code: contract, says: "不是有效的 JSON"},
		{name: "a bracket too many", body: of(good+"]", `1`), code: contract, says: "不是有效的 JSON"},
		{name: "two documents", body: of(good, `1`) + of(good, `1`), code: contract},
		{name: "trailing text", body: of(good, `1`) + ` -- 12 ms`, code: contract},
		{name: "an array", body: `[` + good + `]`, code: contract, says: "不符合约定"},
		{name: "null", body: `null`, code: contract, says: "不符合约定"},
		{name: "a text", body: `"` + "OK" + `"`, code: contract, says: "不符合约定"},
		{name: "an empty object", body: `{}`, code: contract, says: "code"},
		{name: "no code", body: `{"data":{"data":[],"totalCount":0}}`, code: contract, says: "code"},
		{name: "code null", body: `{"code":null,"data":{"data":[]}}`, code: contract, says: "code"},
		{name: "code true", body: `{"code":true,"data":{"data":[]}}`, code: contract, says: "code"},
		{name: "code a word", body: `{"code":"OK","data":{"data":[]}}`, code: contract, says: "code"},
		{name: "code 200 without data", body: `{"code":200,"message":"OK"}`, code: contract},
		{name: "data null", body: list(`null`), code: contract, says: "不符合约定"},
		{name: "data an array", body: list(`[` + good + `]`), code: contract, says: "不符合约定"},
		{name: "data a text", body: list(`"[]"`), code: contract, says: "不符合约定"},
		{name: "no list", body: list(`{"totalCount":3}`), code: contract, says: "data"},
		{name: "list an object", body: list(`{"data":{"0":` + good + `},"totalCount":1}`), code: contract, says: "不是数组"},
		{name: "list a text", body: list(`{"data":"none","totalCount":1}`), code: contract, says: "不是数组"},
		{name: "total negative", body: of(good, `-1`), code: contract, says: "totalCount"},
		{name: "total a word", body: of(good, `"many"`), code: contract, says: "totalCount"},
		{name: "total a fraction", body: of(good, `1.5`), code: contract, says: "totalCount"},
		{name: "total huge", body: of(good, `99999999999999`), code: contract, says: "totalCount"},
		{name: "total an object", body: of(good, `{"value":1}`), code: contract, says: "totalCount"},
		{name: "error code with a list", body: `{"code":1001,"message":"参数错误","data":{"data":[` + good + `]}}`, code: contract, says: "1001"},
		{name: "error code 500", body: `{"code":500,"message":"系统繁忙"}`, code: unavailable, says: "系统繁忙"},
		{name: "error code 403", body: `{"code":403,"message":"无权限","data":[]}`, code: task.CodeSourceAuth, says: "无权限"},
	}
}

func TestMalformedAnswers(t *testing.T) {
	t.Parallel()
	for _, tc := range malformedAnswers() {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			pages, err := read(t.Context(), newClient(t, serve(t, source(text(tc.body))), nil), today)
			requireClean(t, err)
			require.Equal(t, tc.code, task.CodeOf(err), err)
			if tc.code != "" {
				require.Empty(t, pages)
				require.Contains(t, task.MessageOf(err), tc.says)
				return
			}
			require.Len(t, pages, 1)
			require.Len(t, pages[0].Tasks, tc.tasks)
			require.Len(t, pages[0].Rejects, tc.rejects)
			if tc.total < 0 {
				require.Nil(t, pages[0].Total)
			} else {
				require.Equal(t, &tc.total, pages[0].Total)
			}
		})
	}
}

// An entry that is nested deeper than any JSON reader goes costs only itself.
func TestDeepNesting(t *testing.T) {
	t.Parallel()
	for _, depth := range []int{50, 5_000, 9_990, 10_100, 200_000} {
		t.Run(fmt.Sprint(depth), func(t *testing.T) {
			t.Parallel()
			deep := strings.Repeat(`{"x":[`, depth/2) + `"]}"` + strings.Repeat(`]}`, depth/2)
			page := one(t, fields(`"id":"before"`)+","+fields(`"x":`+deep)+","+fields(`"id":"after"`))
			require.Equal(t, 3, len(page.Tasks)+len(page.Rejects))
			require.Equal(t, "before", page.Tasks[0].ID)
			require.Equal(t, "after", page.Tasks[len(page.Tasks)-1].ID)
			for _, x := range page.Tasks {
				requireStorable(t, x)
			}
		})
	}
}

// The same entry on two pages arrives twice, with its page's own number; who
// reads on keeps it once.
func TestTheSameEntryOnTwoPages(t *testing.T) {
	t.Parallel()
	c := newClient(t, serve(t, source(func(w http.ResponseWriter, r *http.Request) {
		first := map[string]string{"1": "1", "2": "2", "3": "3"}[r.URL.Query().Get("page")]
		list(fields(`"id":`+first)+","+fields(`"id":2`)+","+bare(withName), 9)(w, r)
	})), func(cfg *guanke.Config) { cfg.PageSize = 3 })
	pages, err := read(t.Context(), c, today)
	require.NoError(t, err)
	require.Len(t, pages, 3)
	var ids []string
	for _, p := range pages {
		require.Len(t, p.Rejects, 1)
		require.Equal(t, 9, *p.Total)
		for _, x := range p.Tasks {
			ids = append(ids, x.ID)
		}
	}
	require.Equal(t, []string{"1", "2", "2", "2", "3", "2"}, ids)
}
