package db_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tasksync/api"
	"tasksync/task"
)

// What a reject carries is stored byte by byte and stands in the record's
// error_details, through the API too.
func TestRejectsAreKeptAndShown(t *testing.T) {
	f := setup(t)
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	// Sorted by id, as error_details is.
	rejects := []task.Reject{
		{Reason: "缺少任务编号（id）", Payload: []byte("{}")},
		{TaskID: "1", TaskName: "a�b", Reason: "任务名称（taskName）含有空字符（NUL）", Payload: []byte("a\x00b")},
		{TaskID: "2", TaskName: strings.Repeat("名", task.MaxNameLength), Reason: "太长", Payload: bytes.Repeat([]byte{0xff}, 64<<10)},
		{TaskID: "3", TaskName: "every byte", Reason: "条目不是有效的 UTF-8 文本", Payload: every},
		{TaskID: "4", TaskName: `"<&>'; DROP TABLE tasks; --` + "\u2028\u202e\t\r\n", Reason: `\u0000 %s {}`, Payload: []byte("\xed\xa0\x80")},
		{TaskID: strings.Repeat("😀", task.MaxIDLength), TaskName: "😀", Reason: "x", Payload: []byte{}},
	}
	rec := f.record(task.Today)
	saved, err := f.SavePage(f.ctx, task.Claim{
		RecordID: rec.ID, FetchedAt: start, Fetched: len(rejects), PassDistinct: len(rejects), Rejects: rejects,
	})
	require.NoError(t, err)
	require.True(t, saved)
	pages, err := f.SeenPages(f.ctx, rec.ID, 0, 1)
	require.NoError(t, err)
	for i, r := range rejects {
		got := pages[len(pages)-len(rejects)+i].Reject
		require.Equal(t, r.TaskID, got.TaskID)
		require.Equal(t, r.Payload, got.Payload)
	}
	closed := f.close(rec)
	require.Equal(t, task.Partial, closed.Status)
	require.Equal(t, len(rejects), closed.Counts.Rejected)

	details := f.shown(rec.ID)
	require.Len(t, details, len(rejects))
	for i, r := range rejects {
		require.Equal(t, task.ErrorDetail{TaskID: r.TaskID, TaskName: r.TaskName, Error: r.Reason}, details[i])
	}
}

// shown are the error_details of a record as the API gives them.
func (f *fixture) shown(id int64) []task.ErrorDetail {
	f.t.Helper()
	handler, err := api.New(api.Config{Addr: "127.0.0.1:8080", Zone: shanghai, LockedBy: "host-1", ManualWait: time.Second}, f.Store, nil, slog.New(slog.NewTextHandler(io.Discard, nil)))
	require.NoError(f.t, err)
	r := httptest.NewRequest(http.MethodGet, "/api/sync/records/"+strconv.FormatInt(id, 10), nil)
	r.Host = "127.0.0.1:8080"
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	require.Equal(f.t, http.StatusOK, w.Code, w.Body)
	var answer struct {
		Data struct {
			ErrorDetails []task.ErrorDetail `json:"error_details"`
		} `json:"data"`
	}
	require.NoError(f.t, json.Unmarshal(w.Body.Bytes(), &answer))
	return answer.Data.ErrorDetails
}

// Attributes that jsonb refuses cost their own task, and those at its limits
// are stored.
func TestAttributesThatTheDatabaseRefuses(t *testing.T) {
	f := setup(t)
	nested := func(n int) string { return `{"x":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}` }
	attributes := map[string]bool{
		`{}`:                   true,
		`{"x":1e131071}`:       true,
		`{"x":1e-16383}`:       true,
		`{"x":"\ud83d\ude00"}`: true,
		`{"x":1,"x":2}`:        true,
		nested(1000):           true,
		`{"":"` + strings.Repeat("x", 1<<20) + `"}`: true,
		`{"x":"\u0000"}`:   false,
		`{"\u0000":1}`:     false,
		`{"x":"\ud800"}`:   false,
		`{"x":1e131073}`:   false,
		`{"x":NaN}`:        false,
		"{\"x\":\"a\nb\"}": false,
		`{`:                false,
		nested(100_000):    false,
	}
	rec := f.record(task.Today)
	var rs []task.Row
	want := map[string]bool{}
	for text, good := range attributes {
		row := rows(1, 1, nil)[0]
		row.Task.ID, row.Task.Attributes = strconv.Itoa(len(rs)), json.RawMessage(text)
		want[row.Task.ID] = good
		rs = append(rs, row)
	}
	f.store(rec, 0, rs, task.StateCounts{})
	closed := f.close(rec)
	refused := map[string]string{}
	for _, d := range f.shown(rec.ID) {
		refused[d.TaskID] = d.Error
	}
	for _, row := range rs {
		id := row.Task.ID
		stored := value[bool](f, "SELECT EXISTS (SELECT FROM tasks WHERE id = $1)", id)
		text := string(row.Task.Attributes)
		require.Equal(t, want[id], stored, "%.80s: %s", text, refused[id])
		require.Equal(t, !want[id], strings.HasPrefix(refused[id], "数据库拒绝保存："), "%.80s", text)
	}
	require.Equal(t, len(refused), closed.Counts.Unstored)
	require.Equal(t, len(rs)-len(refused), closed.Counts.New)
}
