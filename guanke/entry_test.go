package guanke_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tasksync/task"
)

// one reads a list with a single entry.
func one(t *testing.T, entry string) task.Page {
	t.Helper()
	pages, err := read(t.Context(), newClient(t, serve(t, source(list(entry, 1))), nil), today)
	require.NoError(t, err)
	require.Len(t, pages, 1)
	return pages[0]
}

var created = today.From.Add(time.Hour)

// fields is an entry of the fields that a task must have and the given ones,
// of which the last of a name counts.
func fields(more string) string {
	return fmt.Sprintf(`{"id":5344001,"taskName":"测试任务-P1","createTime":%d,%s}`, created.Unix(), more)
}

func TestEntries(t *testing.T) {
	t.Parallel()
	plain := task.Task{ID: "5344001", Name: "测试任务-P1", CreatedAt: created}
	with := func(change func(*task.Task)) task.Task {
		x := plain
		change(&x)
		return x
	}
	name := strings.Repeat("名", task.MaxNameLength)
	for more, want := range map[string]task.Task{
		`"x":{"id":[1,{"id":2}]}`:               with(func(x *task.Task) { x.Attributes = []byte(`{"x":{"id":[1,{"id":2}]}}`) }),
		`"id":"A-1"`:                            with(func(x *task.Task) { x.ID = "A-1" }),
		`"id":9007199254740993`:                 with(func(x *task.Task) { x.ID = "9007199254740993" }),
		`"id":123456789012345678901234567`:      with(func(x *task.Task) { x.ID = "123456789012345678901234567" }),
		`"taskName":"` + name + `"`:             with(func(x *task.Task) { x.Name = name }),
		`"taskName":"\u6d4b\"\n\ud83d\ude00 　"`: with(func(x *task.Task) { x.Name = "测\"\n😀 　" }),
		`"state":3`:                             with(func(x *task.Task) { x.State = "3" }),
		`"state":"暂停"`:                          with(func(x *task.Task) { x.State = "暂停" }),
		`"state":null`:                          plain,
		`"totalNumber":7.0`:                     with(func(x *task.Task) { x.Total = 7 }),
		`"totalNumber":10,"callNumber":"9","connectNumber":" 8 ","successNumber":1e1`: with(func(x *task.Task) {
			x.Total, x.Called, x.Connected, x.Succeeded = 10, 9, 8, 10
		}),
		`"totalNumber":"","callNumber":null`:                plain,
		fmt.Sprintf(`"createTime":"%d"`, today.From.Unix()): with(func(x *task.Task) { x.CreatedAt = today.From }),
		`"packageCode":"上海-1014-高中-10000","packageId":5`:    with(func(x *task.Task) { x.PackageRef = "上海-1014-高中-10000" }),
		`"packageId":100001`:                                with(func(x *task.Task) { x.PackageRef = "100001" }),
		`"packageId":0,"packageCode":""`:                    plain,
	} {
		t.Run(more, func(t *testing.T) {
			t.Parallel()
			page := one(t, fields(more))
			require.Empty(t, page.Rejects)
			require.Equal(t, []task.Task{want}, page.Tasks)
		})
	}
}

func TestRejects(t *testing.T) {
	t.Parallel()
	const id, name = "5344001", "测试任务-P1"
	for entry, want := range map[string]task.Reject{
		`null`:  {Reason: "不是 JSON 对象"},
		`[1,2]`: {Reason: "不是 JSON 对象"},
		`"x"`:   {Reason: "不是 JSON 对象"},
		`{}`:    {Reason: "缺少任务编号"},
		`{"id":null,"taskName":"测试任务-P1","createTime":1795406400}`: {Reason: "缺少任务编号", TaskName: name},
		fields(`"id":""`):         {Reason: "缺少任务编号", TaskName: name},
		fields(`"id":"  "`):       {Reason: "缺少任务编号", TaskName: name},
		fields(`"id":1.5`):        {Reason: "不是整数", TaskID: "1.5", TaskName: name},
		fields(`"id":true`):       {Reason: "类型不对", TaskID: id, TaskName: name},
		fields(`"id":{}`):         {Reason: "类型不对", TaskID: id, TaskName: name},
		fields(`"id":"a\u0000b"`): {Reason: "空字符", TaskID: "a�b", TaskName: name},
		fields(`"id":"` + strings.Repeat("9", 129) + `"`):       {Reason: "超过 128", TaskID: strings.Repeat("9", 128), TaskName: name},
		fields(`"id":` + strings.Repeat("9", 129)):              {Reason: "超过 128", TaskID: strings.Repeat("9", 128), TaskName: name},
		fields(`"taskName":""`):                                 {Reason: "缺少任务名称", TaskID: id},
		fields(`"taskName":"　 "`):                               {Reason: "缺少任务名称", TaskID: id},
		fields(`"taskName":7`):                                  {Reason: "类型不对", TaskID: id, TaskName: name},
		fields(`"taskName":"` + strings.Repeat("名", 501) + `"`): {Reason: "超过 500", TaskID: id, TaskName: strings.Repeat("名", 500)},
		fields(`"taskName":"a\u0000"`):                          {Reason: "空字符", TaskID: id, TaskName: "a�"},
		fields(`"taskName":"a\ud800"`):                          {Reason: "UTF-8", TaskID: id, TaskName: "a�"},
		fields("\"taskName\":\"a\xff\""):                        {Reason: "UTF-8", TaskID: id, TaskName: "a�"},
		fields("\"x\":\"a\xff\""):                               {Reason: "UTF-8", TaskID: id, TaskName: name},
		fields(`"state":true`):                                  {Reason: "state", TaskID: id, TaskName: name},
		fields(`"totalNumber":"many"`):                          {Reason: "totalNumber", TaskID: id, TaskName: name},
		fields(`"callNumber":-1`):                               {Reason: "callNumber 小于 0", TaskID: id, TaskName: name},
		fields(`"connectNumber":1.5`):                           {Reason: "connectNumber", TaskID: id, TaskName: name},
		fields(`"successNumber":99999999999999999999`):          {Reason: "successNumber", TaskID: id, TaskName: name},
		fields(`"totalNumber":[]`):                              {Reason: "totalNumber", TaskID: id, TaskName: name},
		`{"id":5344001,"taskName":"测试任务-P1"}`:                   {Reason: "缺少创建时间", TaskID: id, TaskName: name},
		fields(`"createTime":0`):                                {Reason: "2000 年到 2100 年", TaskID: id, TaskName: name},
		fields(`"createTime":1795406400000`):                    {Reason: "秒数", TaskID: id, TaskName: name},
		fields(`"createTime":"2026-11-23 10:00:00"`):            {Reason: "秒数", TaskID: id, TaskName: name},
	} {
		t.Run(entry[:min(len(entry), 90)], func(t *testing.T) {
			t.Parallel()
			good := fields(`"id":1`)
			page := one(t, good+","+entry+","+good)
			require.Len(t, page.Tasks, 2)
			require.Len(t, page.Rejects, 1)
			got := page.Rejects[0]
			require.Contains(t, got.Reason, want.Reason)
			require.Equal(t, want.TaskID, got.TaskID)
			require.Equal(t, want.TaskName, got.TaskName)
			require.Equal(t, entry, string(got.Payload))
		})
	}
}

func TestPayloadIsCut(t *testing.T) {
	t.Parallel()
	page := one(t, fields(`"id":"","x":"`+strings.Repeat("y", 100_000)+`"`))
	require.Len(t, page.Rejects[0].Payload, 64<<10)
}

func TestEnvelopeIsTolerant(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"code last":      `{"data":{"totalCount":"1","data":[` + fields(`"state":1`) + `]},"code":"200"}`,
		"unknown fields": `{"x":[{}],"code":200,"data":{"start":"x","y":{"data":1},"data":[` + fields(`"state":1`) + `],"totalCount":null}}`,
		"white space":    " {\n\t\"code\" : 200 , \"data\" : { \"data\" : [ " + fields(`"state":1`) + " ] } }\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pages, err := read(t.Context(), newClient(t, serve(t, source(text(body))), nil), today)
			require.NoError(t, err)
			require.Len(t, tasksOf(pages), 1)
		})
	}
	for _, none := range []string{"[]", "null"} {
		pages, err := read(t.Context(), newClient(t, serve(t, source(text(`{"code":200,"data":{"data":`+none+`}}`))), nil), today)
		require.NoError(t, err)
		require.Len(t, pages, 1)
		require.Nil(t, pages[0].Total)
	}
	for _, wrong := range []string{"-1", `"x"`, "1.5", "[]", "99999999999999"} {
		_, err := read(t.Context(), newClient(t, serve(t, source(text(`{"code":200,"data":{"data":[],"totalCount":`+wrong+`}}`))), nil), today)
		require.Equal(t, task.CodeSourceContract, task.CodeOf(err), wrong)
	}
}
