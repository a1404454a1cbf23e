package sim

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// The codes inside HTTP 200. The source's own are not documented; these follow
// HTTP's.
const (
	codeOK           = 200
	codeBadRequest   = 400
	codeUnauthorized = 401
)

const (
	messageExpired = "token已过期，请重新获取"
	maxPageSize    = 1000
	maxSpanDays    = 7
	keptTokens     = 10_000
)

// answer is the envelope of all answers.
type answer struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    any    `json:"data,omitempty"`
}

func refuse(w http.ResponseWriter, status, code int, message string) {
	writeJSON(w, status, answer{Code: code, Message: message})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("sim: cannot encode an answer: %v", err))
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	// A caller that has gone needs no answer.
	_, _ = w.Write(body)
}

func setRetryAfter(w http.ResponseWriter, f Faults) {
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(f.RetryAfter))
	}
}

func (s *Server) tokenBySecret(w http.ResponseWriter, r *http.Request) {
	if !same(s.cfg.Secret, r.URL.Query().Get("secret")) {
		refuse(w, http.StatusOK, codeUnauthorized, "secret 错误")
		return
	}
	s.issue(w)
}

func (s *Server) tokenByPassword(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if !same(s.cfg.Username, q.Get("username")) || !same(s.cfg.Password, q.Get("password")) {
		refuse(w, http.StatusOK, codeUnauthorized, "用户名或密码错误")
		return
	}
	s.issue(w)
}

// same never holds for a credential that is not configured.
func same(want, got string) bool {
	return want != "" && subtle.ConstantTimeCompare([]byte(want), []byte(got)) == 1
}

func (s *Server) issue(w http.ResponseWriter) {
	s.mu.Lock()
	now := s.now()
	s.issued++
	// The start of the process is in it: a token of an earlier one is unknown.
	sum := sha256.Sum256(fmt.Appendf(nil, "%d/%d/%d", s.cfg.Seed, s.issued, time.Now().UnixNano()))
	token := hex.EncodeToString(sum[:16])
	if len(s.tokens) >= keptTokens {
		clear(s.tokens)
	}
	s.tokens[token] = now.Add(s.cfg.TokenTTL)
	s.mu.Unlock()
	writeJSON(w, http.StatusOK, answer{Code: codeOK, Message: "OK", Data: map[string]string{"token": token}})
}

func (s *Server) revoke(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tokens, token)
}

// good reports whether the token is one of ours that has not expired.
func (s *Server) good(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	end, ok := s.tokens[token]
	return ok && s.now().Before(end)
}

// list answers one page of tasks in the order of their creation.
func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	if !s.good(r.Header.Get("Authorization")) {
		refuse(w, http.StatusOK, codeUnauthorized, messageExpired)
		return
	}
	q := r.URL.Query()
	first, last, err := s.span(q)
	var page, size int
	if err == nil {
		page, err = positive(q, "page", 1)
	}
	if err == nil {
		size, err = positive(q, "pageSize", 10)
	}
	if err == nil && last.After(first.AddDate(0, 0, maxSpanDays)) {
		err = fmt.Errorf("查询时间跨度不能超过7天")
	}
	if err != nil {
		refuse(w, http.StatusOK, codeBadRequest, err.Error())
		return
	}

	now := s.Now()
	until := last
	if now.Before(until) {
		until = now
	}
	out := append(make([]byte, 0, 512+240*min(size, maxPageSize)), `{"code":200,"message":"OK","data":{"data":[`...)
	total, skip, left := 0, (page-1)*size, size
	if size > maxPageSize {
		left = 0
	}
	s.world.runs(first, until, func(r run) bool {
		total += r.high - r.low
		passed := min(skip, r.high-r.low)
		skip -= passed
		for i := r.low + passed; i < r.high && left > 0; i++ {
			if out[len(out)-1] == '}' {
				out = append(out, ',')
			}
			out = s.world.appendTask(out, r.day, i, now.Unix())
			left--
		}
		return true
	})
	if size > maxPageSize {
		total = 0
	}
	out = fmt.Appendf(out, `],"totalCount":%d,"page":%d,"start":%q,"end":%q}}`,
		total, page, first.Format(time.DateTime), last.Format(time.DateTime))
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	// A caller that has gone needs no answer.
	_, _ = w.Write(out)
}

// span reads startTime and endTime in the source's zone.
func (s *Server) span(q url.Values) (first, last time.Time, err error) {
	for _, p := range [...]struct {
		name string
		into *time.Time
	}{{"startTime", &first}, {"endTime", &last}} {
		v := q.Get(p.name)
		if v == "" {
			return first, last, fmt.Errorf("%s 不能为空", p.name)
		}
		if *p.into, err = time.ParseInLocation(time.DateTime, v, s.cfg.Zone); err != nil {
			return first, last, fmt.Errorf("%s 格式错误，应为 2006-01-02 15:04:05", p.name)
		}
	}
	return first, last, nil
}

func positive(q url.Values, name string, fallback int) (int, error) {
	v := q.Get(name)
	if v == "" {
		return fallback, nil
	}
	n, err := strconv.ParseInt(v, 10, 32)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%s 应为大于 0 的整数", name)
	}
	return int(n), nil
}
