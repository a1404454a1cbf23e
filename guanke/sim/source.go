package sim

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
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

func (s *Server) tokenBySecret(w http.ResponseWriter, r *http.Request, _ hit) {
	if !same(s.cfg.Secret, r.URL.Query().Get("secret")) {
		refuse(w, http.StatusOK, codeUnauthorized, "secret 错误")
		return
	}
	s.issue(w)
}

func (s *Server) tokenByPassword(w http.ResponseWriter, r *http.Request, _ hit) {
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
	token := TokenPrefix + hex.EncodeToString(sum[:16])
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
