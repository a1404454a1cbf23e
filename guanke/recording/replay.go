package recording

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"tasksync/task"
)

const (
	longestRequest = 1 << 20
	// shownRequests bounds what an answer to an unknown request lists.
	shownRequests = 50
)

// Replay answers as a recorded source did. It is an http.Handler.
type Replay struct {
	// Info is what the recording is of; its times are zero where the folder
	// does not say.
	Info Info

	exchanges []*exchange
	scrub     *scrubber

	mu sync.Mutex
	// turns counts the answers given for each recorded request.
	turns map[*exchange]int
}

// Open reads a recording. The error is a task.CodeInvalidArgument that names
// the file that is wrong.
func Open(dir string) (*Replay, error) {
	files, err := filesIn(dir)
	if err != nil {
		return nil, err
	}
	p := &Replay{scrub: newScrubber(nil, nil), turns: map[*exchange]int{}}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, task.Wrap(task.CodeInvalidArgument, err, "不能读取 %s", file)
		}
		x, err := parseExchange(filepath.Base(file), text)
		if err != nil {
			return nil, task.Wrap(task.CodeInvalidArgument, err, "%s 不是录制的请求和答复，请删掉它或重新录制", file)
		}
		p.exchanges = append(p.exchanges, x)
	}
	text, err := os.ReadFile(filepath.Join(dir, infoFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return p, nil
	case err == nil:
		err = json.Unmarshal(text, &p.Info)
	}
	if err == nil && (!basePath.MatchString(p.Info.BasePath) || !mappingName.MatchString(p.Info.Mapping)) {
		err = errors.New("odd base_path or mapping")
	}
	if err != nil {
		return nil, task.Wrap(task.CodeInvalidArgument, err, "%s 无法读取，请删掉它或重新录制", filepath.Join(dir, infoFile))
	}
	return p, nil
}

// What a recording of somebody else says goes into commands that people copy.
var (
	basePath    = regexp.MustCompile(`^(?:/[A-Za-z0-9._~%-]+)*$`)
	mappingName = regexp.MustCompile(`^[A-Za-z0-9_-]*(?:\.ya?ml)?$`)
)

// filesIn are the exchanges in the folder, by name. What is no plain file, such
// as a link out of the folder, is not read.
func filesIn(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, task.Wrap(task.CodeInvalidArgument, err, "不能读取目录 %s，请检查 --replay；录制用 tasksync source record --dir 目录", dir)
	}
	var files []string
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".http" {
			continue
		}
		file := filepath.Join(dir, e.Name())
		info, err := e.Info()
		if err != nil || !e.Type().IsRegular() || info.Size() > longestBody+longestRequest {
			return nil, task.Errorf(task.CodeInvalidArgument, "%s 不是录制的请求和答复，请删掉它或重新录制", file)
		}
		files = append(files, file)
	}
	if len(files) == 0 {
		return nil, task.Errorf(task.CodeInvalidArgument,
			"目录 %s 里没有录制的答复（*.http），请先用 tasksync source record --dir 录制", dir)
	}
	return files, nil
}

// Requests are the recorded requests, as people read them, in their order.
func (p *Replay) Requests() []string {
	out := make([]string, len(p.exchanges))
	for i, x := range p.exchanges {
		out[i] = x.String()
	}
	return out
}

// ServeHTTP answers a recorded request as it was answered then: one that was
// recorded several times in the order of the answers, and with the last one
// from then on. An unknown request gets a 404 that says what is recorded.
func (p *Replay) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	sent, err := io.ReadAll(io.LimitReader(r.Body, longestRequest))
	if err != nil {
		http.Error(w, "the request broke off", http.StatusBadRequest)
		return
	}
	body := value(r.Header.Get("Content-Type"), sent)
	var fits []*exchange
	var nearest *exchange
	var least []string
	for _, x := range p.exchanges {
		d := x.differences(r.Method, r.URL.EscapedPath(), r.URL.Query(), body)
		if len(d) == 0 {
			fits = append(fits, x)
		}
		// Another path is another request, however alike the rest.
		if samePath(x.path, r.URL.EscapedPath()) && (nearest == nil || len(d) < len(least)) {
			nearest, least = x, d
		}
	}
	if len(fits) == 0 {
		p.unknown(w, r, nearest, least)
		return
	}
	answer(w, r, p.next(fits))
}

func (p *Replay) next(fits []*exchange) *exchange {
	p.mu.Lock()
	defer p.mu.Unlock()
	turn := p.turns[fits[0]]
	p.turns[fits[0]]++
	return fits[min(turn, len(fits)-1)]
}

// answer writes what was recorded, with this server's origin for the source's.
func answer(w http.ResponseWriter, r *http.Request, x *exchange) {
	here := "http://" + r.Host
	back := strings.NewReplacer(Origin, here, strings.ReplaceAll(Origin, "/", `\/`), strings.ReplaceAll(here, "/", `\/`))
	for name, values := range x.header {
		for _, v := range values {
			w.Header().Add(name, back.Replace(v))
		}
	}
	body := []byte(back.Replace(string(x.body)))
	length := len(body)
	if x.broken {
		length++ // It ends before its end.
	}
	w.Header().Set("Content-Length", strconv.Itoa(length))
	w.WriteHeader(x.status)
	// A caller that has gone needs no answer.
	_, _ = io.Copy(w, bytes.NewReader(body))
	if x.broken {
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// unknown is the answer to a request that was not recorded.
func (p *Replay) unknown(w http.ResponseWriter, r *http.Request, nearest *exchange, differences []string) {
	asked := &exchange{method: r.Method, path: r.URL.EscapedPath(), query: p.scrub.query(r.URL.Query())}
	out := struct {
		Code     int      `json:"code"`
		Message  string   `json:"message"`
		Request  string   `json:"request"`
		Nearest  string   `json:"nearest,omitempty"`
		Differs  []string `json:"differs,omitempty"`
		Recorded []string `json:"recorded"`
	}{Code: http.StatusNotFound, Request: p.scrub.known(asked.String()), Differs: differences}
	if nearest == nil {
		out.Message = fmt.Sprintf("录制里没有 %s %s 这个路径", asked.method, asked.path)
	} else {
		out.Nearest = nearest.String()
		out.Message = fmt.Sprintf("录制里没有这个请求，与 %s 不同：%s", nearest.file, strings.Join(differences, "；"))
	}
	out.Recorded = p.Requests()
	if n := len(out.Recorded); n > shownRequests {
		out.Recorded = append(out.Recorded[:shownRequests], fmt.Sprintf("…共 %d 个", n))
	}
	text, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		http.Error(w, "cannot encode", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(http.StatusNotFound)
	_, _ = w.Write(append(text, '\n'))
}
