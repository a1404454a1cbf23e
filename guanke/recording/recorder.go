package recording

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"tasksync/task"
)

const (
	// Origin stands for the source's own scheme and host.
	Origin = "http://recorded.invalid"
	// infoFile says what the recording is of.
	infoFile = "recording.json"
	// brokenHeader marks an answer that broke off.
	brokenHeader = "X-Recording-Broken"
	// longestBody bounds what is kept of one answer, in bytes.
	longestBody = 64 << 20

	folderMode fs.FileMode = 0o700
	fileMode   fs.FileMode = 0o600
)

// Info says what a recording is of.
type Info struct {
	RecordedAt time.Time `json:"recorded_at"`
	// BasePath is the path of the source's base URL; "" for its root.
	BasePath string `json:"base_path"`
	// From and To are the window that was read.
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	// PageSize is how many tasks a page was asked for; 0 if that is not known.
	PageSize int `json:"page_size,omitempty"`
	// Mapping is the name of the mapping's file in the folder; "" for the
	// embedded one.
	Mapping string `json:"mapping,omitempty"`
}

// Config is what a Recorder needs.
type Config struct {
	// Dir is where the recording goes. It is made; where it exists, it must be
	// empty.
	Dir string
	// BaseURL is the source's.
	BaseURL string
	// Secrets are removed wherever they stand, and so is what stands under one
	// of Names, beside what is called like a secret anyway.
	Secrets, Names []string
	// Fixed are parameters and headers that the requests always have, by name;
	// one that is called like a secret is one.
	Fixed map[string]string
	// Next sends the requests; nil is a transport of the Recorder's own.
	Next http.RoundTripper
}

// Recorder keeps the requests that pass through it, with their answers. It is
// an http.RoundTripper, safe for use by several goroutines.
type Recorder struct {
	dir   string
	base  *url.URL
	scrub *scrubber
	next  http.RoundTripper
	own   *http.Transport

	mu sync.Mutex
	// count numbers the requests, kept counts the answers.
	count, kept int
	// files are the names of the answers' files.
	files []string
	err   error
}

// New makes a Recorder and its folder. The error is a task.CodeInvalidArgument
// that says what is wrong with the folder.
func New(cfg Config) (*Recorder, error) {
	base, err := url.Parse(cfg.BaseURL)
	if err != nil || base.Host == "" {
		return nil, task.Errorf(task.CodeInvalidArgument, "冠客接口地址无效，GUANKE_BASE_URL 应形如 https://open-api.gooki.com")
	}
	if err := os.MkdirAll(cfg.Dir, folderMode); err != nil {
		return nil, task.Wrap(task.CodeInvalidArgument, err, "不能建立目录 %s，请换一个 --dir", cfg.Dir)
	}
	entries, err := os.ReadDir(cfg.Dir)
	if err != nil {
		return nil, task.Wrap(task.CodeInvalidArgument, err, "不能读取目录 %s，请换一个 --dir", cfg.Dir)
	}
	if len(entries) > 0 {
		return nil, task.Errorf(task.CodeInvalidArgument, "目录 %s 不是空的，请换一个 --dir，免得新旧录制混在一起", cfg.Dir)
	}
	r := &Recorder{dir: cfg.Dir, base: base, scrub: newScrubber(cfg.Secrets, cfg.Names), next: cfg.Next}
	for name, value := range cfg.Fixed {
		if r.scrub.secretName(name) || plain(name) == "key" {
			r.scrub.learn(value)
		}
	}
	if r.next == nil {
		r.own = http.DefaultTransport.(*http.Transport).Clone()
		r.next = r.own
	}
	return r, nil
}

// Idle closes the Recorder's own idle connections.
func (r *Recorder) Idle() {
	if r.own != nil {
		r.own.CloseIdleConnections()
	}
}

// Close writes what the recording is of, with the mapping's text unless it is
// the embedded one, "", and answers how many answers were kept. The error is
// the first that writing met.
func (r *Recorder) Close(info Info, mapping string) (answers int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rescrub()
	info.BasePath = strings.TrimRight(r.base.Path, "/")
	if mapping != "" {
		info.Mapping = "mapping.yaml"
		r.write(info.Mapping, []byte(r.scrub.known(mapping)))
	}
	text, err := json.MarshalIndent(info, "", "  ")
	if err != nil {
		return r.kept, fmt.Errorf("encode %s: %w", infoFile, err)
	}
	r.write(infoFile, append(text, '\n'))
	if r.err != nil {
		return r.kept, task.Wrap(task.CodeInvalidArgument, r.err, "不能写入目录 %s，请检查权限和磁盘空间", r.dir)
	}
	return r.kept, nil
}

// rescrub takes out of the answers what was found to be secret only after they
// were written, such as a token that stood in an answer under an odd name. The
// lock is held.
func (r *Recorder) rescrub() {
	for _, name := range r.files {
		text, err := os.ReadFile(filepath.Join(r.dir, name))
		if err != nil {
			continue // It could not be written, which is known.
		}
		request, answer, _ := bytes.Cut(text, []byte(answerStart))
		if clean := r.scrub.known(string(answer)); clean != string(answer) {
			r.write(name, []byte(string(request)+answerStart+clean))
		}
	}
}

// answerStart is where the answer begins in a file.
const answerStart = "\r\nHTTP/1.1 "

// write writes a file and remembers the first error. The lock is held.
func (r *Recorder) write(name string, text []byte) {
	if err := os.WriteFile(filepath.Join(r.dir, name), text, fileMode); err != nil && r.err == nil {
		r.err = err
	}
}

// RoundTrip sends the request and keeps it with its answer. A request without
// any answer leaves no file.
func (r *Recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	var sent []byte
	if req.Body != nil {
		var err error
		if sent, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
		if err := req.Body.Close(); err != nil {
			return nil, err
		}
		req = req.Clone(req.Context())
		req.Body = io.NopCloser(bytes.NewReader(sent))
	}
	r.mu.Lock()
	r.count++
	no := r.count
	r.mu.Unlock()

	res, err := r.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, broken := io.ReadAll(io.LimitReader(res.Body, longestBody+1))
	closed := res.Body.Close()
	if errors.Is(broken, context.Canceled) {
		return nil, broken // Nobody waits for the answer.
	}
	for name, values := range req.Header {
		if r.scrub.secretName(name) {
			for _, v := range values {
				r.scrub.learn(v, v[strings.LastIndexByte(v, ' ')+1:])
			}
		}
	}
	text := r.exchange(req, sent, res, body, broken)
	r.mu.Lock()
	r.kept++
	name := fileName(no, req.Method, r.scrub.known(req.URL.Path))
	r.files = append(r.files, name)
	r.write(name, text)
	r.mu.Unlock()
	if broken == nil {
		broken = closed
	}
	res.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), failing{broken}))
	return res, nil
}

// failing reads nothing but its error, io.EOF where there is none.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) {
	if f.err == nil {
		return 0, io.EOF
	}
	return 0, f.err
}

// exchange is a request with its answer as it is kept.
func (r *Recorder) exchange(req *http.Request, sent []byte, res *http.Response, body []byte, broken error) []byte {
	var out bytes.Buffer
	// The request first: an answer may repeat what it was asked with.
	query := r.scrub.query(req.URL.Query()).Encode()
	sentText := r.body(req.Header.Get("Content-Type"), sent)
	answer := r.foreign(r.scrub.text(string(body)))
	path := r.scrub.known(req.URL.EscapedPath())
	if query != "" {
		path += "?" + query
	}
	fmt.Fprintf(&out, "%s %s HTTP/1.1\r\nHost: recorded.invalid\r\n", req.Method, path)
	if len(sentText) > 0 {
		fmt.Fprintf(&out, "Content-Type: %s\r\nContent-Length: %d\r\n", req.Header.Get("Content-Type"), len(sentText))
	}
	out.WriteString("\r\n" + sentText)
	if len(sentText) > 0 {
		out.WriteString("\r\n")
	}
	fmt.Fprintf(&out, "HTTP/1.1 %d %s\r\n", res.StatusCode, http.StatusText(res.StatusCode))
	header := r.scrub.header(res.Header)
	for name := range header {
		header.Set(name, r.foreign(strings.Join(header.Values(name), ", ")))
	}
	if broken != nil {
		header.Set(brokenHeader, "true")
	}
	// A bytes.Buffer takes everything.
	_ = header.Write(&out)
	out.WriteString("\r\n" + answer)
	return out.Bytes()
}

// foreign is text with Origin for the source's own.
func (r *Recorder) foreign(text string) string {
	origin := r.base.Scheme + "://" + r.base.Host
	return strings.NewReplacer(origin, Origin, strings.ReplaceAll(origin, "/", `\/`), strings.ReplaceAll(Origin, "/", `\/`)).Replace(text)
}

// body is what was sent, without secrets.
func (r *Recorder) body(contentType string, sent []byte) string {
	if strings.HasPrefix(contentType, formType) {
		if q, err := url.ParseQuery(string(sent)); err == nil {
			return r.scrub.query(q).Encode()
		}
	}
	return r.scrub.text(string(sent))
}

const formType = "application/x-www-form-urlencoded"

var notFileName = regexp.MustCompile(`[^A-Za-z0-9._]+`)

func fileName(no int, method, path string) string {
	path = strings.Trim(notFileName.ReplaceAllString(path, "-"), "-")
	return fmt.Sprintf("%04d-%s-%s.http", no, method, path[:min(len(path), 60)])
}
