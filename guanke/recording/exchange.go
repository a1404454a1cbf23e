package recording

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
)

// exchange is one recorded request with its answer.
type exchange struct {
	file   string
	method string
	path   string
	query  url.Values
	// sent is the request's body: a JSON value, url.Values, or text.
	sent any

	status int
	header http.Header
	body   []byte
	broken bool
}

// parseExchange reads what a Recorder wrote.
func parseExchange(file string, text []byte) (*exchange, error) {
	in := bufio.NewReader(bytes.NewReader(text))
	req, err := http.ReadRequest(in)
	if err != nil {
		return nil, fmt.Errorf("read request: %w", err)
	}
	sent, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, fmt.Errorf("read request: %w", err)
	}
	if len(sent) > 0 {
		if _, err := in.Discard(len("\r\n")); err != nil {
			return nil, fmt.Errorf("read request: %w", err)
		}
	}
	res, err := http.ReadResponse(in, req)
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	x := &exchange{
		file: file, method: req.Method, path: req.URL.EscapedPath(), query: req.URL.Query(),
		sent: value(req.Header.Get("Content-Type"), sent), status: res.StatusCode, header: res.Header, body: body,
	}
	x.broken = x.header.Get(brokenHeader) != ""
	x.header.Del(brokenHeader)
	return x, nil
}

// value is a body so that two that mean the same are the same.
func value(contentType string, body []byte) any {
	if strings.HasPrefix(contentType, formType) {
		if q, err := url.ParseQuery(string(body)); err == nil {
			return q
		}
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil || d.More() {
		return string(body)
	}
	return v
}

// differences says in Chinese how a request differs from the recorded one; none
// if the recorded answer is the answer. What was removed from the recording may
// be anything.
func (x *exchange) differences(method, path string, query url.Values, sent any) []string {
	var out []string
	if method != x.method {
		out = append(out, fmt.Sprintf("方法：录制的是 %s", x.method))
	}
	if !samePath(x.path, path) {
		out = append(out, fmt.Sprintf("路径：录制的是 %s", x.path))
	}
	out = append(out, differentParams(x.query, query)...)
	recorded, ok := x.sent.(url.Values)
	form, isForm := sent.(url.Values)
	switch {
	case ok && isForm:
		out = append(out, differentParams(recorded, form)...)
	case !same(x.sent, sent):
		out = append(out, "请求体不同")
	}
	return out
}

func samePath(recorded, path string) bool {
	want, got := strings.Split(recorded, "/"), strings.Split(path, "/")
	return slices.EqualFunc(want, got, func(w, g string) bool { return w == g || strings.Contains(w, Removed) })
}

func differentParams(recorded, got url.Values) []string {
	var names []string
	for name := range recorded {
		names = append(names, name)
	}
	for name := range got {
		names = append(names, name)
	}
	slices.Sort(names)
	var out []string
	for _, name := range slices.Compact(names) {
		want, have := recorded[name], got[name]
		removed := slices.ContainsFunc(want, func(v string) bool { return strings.Contains(v, Removed) })
		switch {
		case removed || slices.Equal(want, have):
		case len(want) == 0:
			out = append(out, fmt.Sprintf("%s：录制的请求没有这个参数", name))
		default:
			out = append(out, fmt.Sprintf("%s：录制的是 %s", name, strings.Join(want, ",")))
		}
	}
	return out
}

// same compares JSON values; what was removed is the same as anything.
func same(recorded, got any) bool {
	switch want := recorded.(type) {
	case string:
		have, ok := got.(string)
		return strings.Contains(want, Removed) || ok && want == have
	case map[string]any:
		have, ok := got.(map[string]any)
		if !ok || len(want) != len(have) {
			return false
		}
		for name, w := range want {
			if h, ok := have[name]; !ok || !same(w, h) {
				return false
			}
		}
		return true
	case []any:
		have, ok := got.([]any)
		return ok && slices.EqualFunc(want, have, same)
	}
	return reflect.DeepEqual(recorded, got)
}

// String is the request as people read it.
func (x *exchange) String() string {
	q, err := url.QueryUnescape(x.query.Encode())
	if err != nil || q == "" {
		return x.method + " " + x.path
	}
	return x.method + " " + x.path + "?" + q
}
