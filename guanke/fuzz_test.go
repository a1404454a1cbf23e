package guanke_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"tasksync/guanke"
	"tasksync/guanke/mapping"
	"tasksync/task"
)

const fuzzToken = "f0zz-t0ken"

// wire is a source without a network. A nil token answers a good token.
type wire struct {
	tokenStatus int
	token, list []byte
	// sent is the last Authorization that a list was asked with.
	sent string
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	status, body := http.StatusOK, w.list
	if strings.Contains(r.URL.Path, "/token") {
		body = w.token
		if body == nil {
			body = []byte(`{"code":200,"data":{"token":"` + fuzzToken + `"}}`)
		}
		if w.tokenStatus != 0 {
			status = w.tokenStatus
		}
	} else {
		w.sent = r.Header.Get("Authorization")
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body)), Request: r,
		ProtoMajor: 1, ProtoMinor: 1, ContentLength: int64(len(body)),
	}, nil
}

// client reads one page ahead at most, so that sent is that of one request.
func (w *wire) client(t *testing.T) *guanke.Client {
	t.Helper()
	c, err := guanke.New(guanke.Config{BaseURL: "http://source", Secret: secret, Concurrency: 1, HTTP: &http.Client{Transport: w}})
	require.NoError(t, err)
	return c
}

// first reads the first page.
func first(t *testing.T, c *guanke.Client) (task.Page, error) {
	t.Helper()
	for page, err := range c.Pages(t.Context(), today, "") {
		return page, err
	}
	t.Fatal("no page and no error")
	return task.Page{}, nil
}

// requireKnown fails unless err is one of the client's and holds neither a
// credential nor the token.
func requireKnown(t *testing.T, err error, token string) {
	t.Helper()
	require.Contains(t, []task.Code{task.CodeSourceUnavailable, task.CodeSourceAuth, task.CodeSourceContract}, task.CodeOf(err), err)
	require.NotEmpty(t, task.MessageOf(err))
	require.True(t, utf8.ValidString(err.Error()))
	require.Less(t, utf8.RuneCountInString(err.Error()), 1000)
	for _, hidden := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret), password, token} {
		if hidden != "" {
			require.NotContains(t, fmt.Sprintf("%v %#v", err, err), hidden)
		}
	}
}

// FuzzList reads any bytes as the answer to a list.
func FuzzList(f *testing.F) {
	for _, tc := range malformedAnswers() {
		f.Add([]byte(tc.body))
	}
	for _, tc := range malformedEntries() {
		if len(tc.entry) < 4<<10 {
			f.Add([]byte(`{"code":200,"data":{"data":[` + tc.entry + `,` + fields(`"state":1`) + `],"totalCount":2}}`))
		}
	}
	f.Add([]byte(`{"code":1001,"message":"` + secret + ` ` + fuzzToken + `"}`))
	f.Add([]byte(`<a href="/?secret=` + url.QueryEscape(secret) + `">` + fuzzToken + `</a>`))
	f.Fuzz(func(t *testing.T, body []byte) {
		page, err := first(t, (&wire{list: body}).client(t))
		if err != nil {
			requireKnown(t, err, fuzzToken)
			require.Empty(t, page.Tasks)
			return
		}
		if page.Total != nil {
			require.GreaterOrEqual(t, *page.Total, 0)
		}
		for _, x := range page.Tasks {
			requireStorable(t, x)
		}
		for _, r := range page.Rejects {
			requireRecordable(t, r)
		}
	})
}

// examples are the mappings of the documents and the embedded one.
func examples(t testing.TB) []*mapping.Mapping {
	out := []*mapping.Mapping{mapping.Default()}
	for _, name := range []string{"rest", "cursor", "post"} {
		m, err := mapping.Load("../docs/mappings/" + name + ".yaml")
		require.NoError(t, err)
		out = append(out, m)
	}
	return out
}

// FuzzExamples reads any bytes as any answer by a mapping of the examples,
// which have expressions that are run, cursors and other envelopes.
func FuzzExamples(f *testing.F) {
	at := created.UnixMilli()
	for i, body := range []string{
		`{"code":200,"data":{"data":[` + fields(`"state":1`) + `],"totalCount":1}}`,
		`{"items":[{"id":1,"name":"a","created_at":"2026-11-23T01:00:00+08:00","stats":{"total":7}}],"total":1}`,
		fmt.Sprintf(`{"access_token":"x","data":[{"uuid":"a","attributes":{"name":"b","status":"NEW"},"created_ms":%d,"counters":{"answered":1e400,"missed":"x"}}],"meta":{"next_cursor":"y","has_more":true}}`, at),
		`{"success":true,"result":{"rows":[{"taskNo":"T","taskTitle":"t","gmtCreate":"2026-11-23 01:00:00"}],"hasNext":true}}`,
		`{"success":false,"errCode":"SYSTEM_BUSY","errMsg":"` + secret + `"}`,
		`{"error":{"message":"` + password + `"},"access_token":"` + fuzzToken + `","data":{}}`,
	} {
		f.Add(uint8(i), []byte(body))
		f.Add(uint8(i+1), []byte(body))
	}
	all := examples(f)
	f.Fuzz(func(t *testing.T, which uint8, body []byte) {
		m := all[int(which)%len(all)]
		w := &wire{list: body, token: []byte(`{"code":200,"data":{"token":"` + fuzzToken + `"},"access_token":"` + fuzzToken + `"}`)}
		if m.Auth.Kind == mapping.AuthToken && which >= 128 {
			w.token = body
		}
		token := ""
		if m.Auth.Kind == mapping.AuthToken {
			token = fuzzToken
		}
		c, err := guanke.New(guanke.Config{
			BaseURL: "http://source", Secret: secret, Username: "operator", Password: password, Mapping: m, Concurrency: 1,
			HTTP: &http.Client{Transport: w},
		})
		require.NoError(t, err)
		page, err := first(t, c)
		if err != nil {
			requireKnown(t, err, token)
			require.Empty(t, page.Tasks)
			return
		}
		require.NotContains(t, page.Next, fuzzToken)
		for _, x := range page.Tasks {
			requireStorable(t, x)
			require.True(t, !x.CreatedAt.Before(today.From) && x.CreatedAt.Before(today.To))
		}
		for _, r := range page.Rejects {
			requireRecordable(t, r)
		}
	})
}

// FuzzToken reads any bytes as the answer to a token endpoint.
func FuzzToken(f *testing.F) {
	for _, body := range []string{
		`{"code":200,"message":"OK","data":{"token":"abc"}}`, `{"code":"200","data":{"token":"a b"}}`,
		`{"code":200,"data":{"token":""}}`, `{"code":200,"data":{"token":7}}`, `{"code":200,"data":{"token":null}}`,
		`{"code":200,"data":{"token":"\r\nX-Evil: 1"}}`, `{"code":200,"data":{"token":"令牌"}}`, `{"code":200,"data":null}`,
		`{"code":401,"message":"secret 错误 ` + secret + `"}`, `{"code":500}`, `{"code":200,"data":{"token":"a","token":"b"}}`,
		`{"token":"abc"}`, `[]`, ``, `<html>`, "{\"code\":200,\"data\":{\"token\":\"\xff\"}}",
	} {
		f.Add(200, []byte(body))
	}
	f.Add(401, []byte(`{"message":"`+url.QueryEscape(secret)+`"}`))
	f.Add(503, []byte(secret))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		w := &wire{tokenStatus: 100 + int(uint(status)%500), token: bytes.Clone(body), list: []byte(`{"code":200,"data":{"data":[]}}`)}
		if w.token == nil {
			w.token = []byte{}
		}
		if status == 200 {
			w.tokenStatus = 200
		}
		c := w.client(t)
		if err := c.Check(t.Context()); err != nil {
			requireKnown(t, err, fuzzToken)
			return
		}
		_, err := first(t, c)
		require.NoError(t, err)
		require.NotEmpty(t, w.sent)
		require.True(t, utf8.ValidString(w.sent))
		for _, b := range []byte(w.sent) {
			require.True(t, b >= ' ' && b <= '~', "%q in a header", w.sent)
		}
	})
}

// The forms in which FuzzTask writes a value.
const (
	asText = iota
	asEscapes
	asNull
	asTrue
	asArray
	asDigits
	formCount
)

// written is value as JSON. Digits are made of its length and first byte.
func written(form uint8, value string) string {
	switch form % formCount {
	case asText:
		return quoted(value)
	case asEscapes:
		return escaped(value)
	case asTrue:
		return "true"
	case asArray:
		return "[" + quoted(value) + "]"
	case asDigits:
		return digits(value)
	}
	return "null"
}

// quoted writes the bytes of s as they are, but for those that JSON forbids.
func quoted(s string) string {
	out := []byte{'"'}
	for _, b := range []byte(s) {
		switch {
		case b == '"' || b == '\\':
			out = append(out, '\\', b)
		case b < ' ':
			out = fmt.Appendf(out, `\u%04x`, b)
		default:
			out = append(out, b)
		}
	}
	return string(append(out, '"'))
}

// escaped writes every character of s as \u, and a byte that is no UTF-8 as
// half of a surrogate pair.
func escaped(s string) string {
	out := []byte{'"'}
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		i += n
		units := utf16.AppendRune(nil, r)
		if r == utf8.RuneError && n == 1 {
			units = []uint16{0xdc00}
		}
		for _, u := range units {
			out = fmt.Appendf(out, `\u%04x`, u)
		}
	}
	return string(append(out, '"'))
}

func digits(s string) string { return strconv.Itoa(1+len(s)) + strings.Repeat("7", len(s)%140) }

// wanted is the text that a value of that form is, or false where it is none
// that can be stored.
func wanted(form uint8, value string, limit int, number bool) (string, bool) {
	switch form % formCount {
	case asText, asEscapes:
		if !utf8.ValidString(value) || strings.Contains(value, "\x00") || utf8.RuneCountInString(value) > limit {
			return "", false
		}
		if strings.TrimSpace(value) == "" {
			return "", true
		}
		return value, true
	case asNull:
		return "", true
	case asDigits:
		value = digits(value)
		return value, number && len(value) <= limit
	}
	return "", false
}

// FuzzTask writes one entry of any values between two good ones, and knows what
// must become of it.
func FuzzTask(f *testing.F) {
	for form := range uint8(formCount) {
		f.Add(form, plainID, uint8(asText), plainName, uint8(asDigits), "3", int64(10), created.Unix(), "x")
		f.Add(uint8(asDigits), "1", form, "名\x00\xff\u200b😀", form, "暂停", int64(-1), created.UnixMilli(), "\x00")
	}
	f.Add(uint8(asText), strings.Repeat("名", 129), uint8(asEscapes), strings.Repeat("名", 501), uint8(asNull), "", int64(1)<<62, int64(0), "\xff")
	f.Fuzz(func(t *testing.T, idForm uint8, id string, nameForm uint8, name string, stateForm uint8, state string, count, at int64, extra string) {
		entry := fmt.Sprintf(`{"id":%s,"taskName":%s,"state":%s,"totalNumber":%d,"callNumber":"%d","createTime":%d,"x":%s}`,
			written(idForm, id), written(nameForm, name), written(stateForm, state), count, count, at, quoted(extra))
		body := `{"code":200,"data":{"data":[` + fields(`"id":"before"`) + "," + entry + "," + fields(`"id":"after"`) + `],"totalCount":3}}`
		page, err := first(t, (&wire{list: []byte(body)}).client(t))
		require.NoError(t, err)
		require.GreaterOrEqual(t, len(page.Tasks), 2)
		require.Equal(t, "before", page.Tasks[0].ID)
		require.Equal(t, "after", page.Tasks[len(page.Tasks)-1].ID)
		for _, x := range page.Tasks {
			requireStorable(t, x)
		}
		for _, r := range page.Rejects {
			requireRecordable(t, r)
		}

		wantID, idGood := wanted(idForm, id, task.MaxIDLength, true)
		wantName, nameGood := wanted(nameForm, name, task.MaxNameLength, false)
		wantState, stateGood := wanted(stateForm, state, task.MaxNameLength, true)
		made := time.Unix(at, 0)
		sane := !made.Before(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)) && made.Before(time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC))
		// What of an odd text in a member that has no meaning can be kept is
		// the mapping's own affair.
		plain := utf8.ValidString(extra) && !strings.Contains(extra, "\x00")
		good := idGood && wantID != "" && nameGood && wantName != "" && stateGood && count >= 0 && sane
		inside := !made.Before(today.From) && made.Before(today.To)
		switch {
		case !good:
			require.Len(t, page.Tasks, 2)
			require.Len(t, page.Rejects, 1)
		case !plain:
		case !inside:
			require.Len(t, page.Tasks, 2)
			require.Empty(t, page.Rejects)
		default:
			require.Empty(t, page.Rejects)
			got := page.Tasks[1]
			require.Equal(t, []any{wantID, wantName, wantState, count, count, at},
				[]any{got.ID, got.Name, got.State, got.Total, got.Called, got.CreatedAt.Unix()})
		}
	})
}
