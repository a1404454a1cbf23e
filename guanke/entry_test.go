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
