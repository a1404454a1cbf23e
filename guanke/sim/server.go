package sim

import (
	"net/http"
	"strings"
	"sync"
	"time"
)

// Server is the simulated source. It is an http.Handler.
type Server struct {
	cfg     Config
	world   *world
	handler http.Handler

	mu     sync.Mutex
	frozen *time.Time
	faults Faults
	// tokens are the good ones, with the end of each.
	tokens  map[string]time.Time
	issued  int64
	counts  map[string]int
	faulted int
	// draws counts the draws of Faults.Probability.
	draws   int64
	changes Changes
	// steps counts the lists that were answered since the changes were set.
	steps int
}

// New makes a Server. It fails where cfg is invalid and says what is wrong.
func New(cfg Config) (*Server, error) {
	cfg.setDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	s := &Server{
		cfg:    cfg,
		world:  newWorld(cfg),
		faults: cfg.Faults,
		tokens: make(map[string]time.Time),
		counts: make(map[string]int),
	}
	mux := http.NewServeMux()
	mux.Handle("GET /token", s.source(ScopeToken, s.tokenByPassword))
	mux.Handle("GET /token/secret", s.source(ScopeToken, s.tokenBySecret))
	mux.Handle("GET /task/list", s.source(ScopeList, s.list))
	mux.Handle("GET /task/list/v2", s.source(ScopeList, s.list))
	mux.Handle("/_sim/", s.admin())
	s.handler = mux
	return s, nil
}

// ServeHTTP answers the source's API and the switches below /_sim/.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Now is the clock's time in the source's zone.
func (s *Server) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now()
}

// now is Now with the lock held.
func (s *Server) now() time.Time {
	if s.frozen != nil {
		return *s.frozen
	}
	return s.cfg.Clock().In(s.cfg.Zone)
}

// Freeze stops the clock at t.
func (s *Server) Freeze(t time.Time) {
	t = t.In(s.cfg.Zone)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.frozen = &t
}

// Unfreeze lets the clock go again.
func (s *Server) Unfreeze() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.frozen = nil
}

// SetFaults replaces the faults; the zero value ends them.
func (s *Server) SetFaults(f Faults) error {
	if err := f.validate(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults, s.draws = f, 0
	return nil
}

// Faults are the faults in force; After and Times are what is left of them.
func (s *Server) Faults() Faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults
}

// Stats counts the requests to the source since it was made.
type Stats struct {
	// Requests are all requests by path.
	Requests map[string]int `json:"requests"`
	// Faulted are those that met a fault.
	Faulted int `json:"faulted"`
	// Tokens is how many tokens were given out.
	Tokens int64 `json:"tokens"`
}

// Stats is a copy of the counters.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := Stats{Requests: make(map[string]int, len(s.counts)), Faulted: s.faulted, Tokens: s.issued}
	for path, n := range s.counts {
		out.Requests[path] = n
	}
	return out
}

// source counts a request, lets it meet the faults of its scope and passes it
// on.
func (s *Server) source(scope string, next func(http.ResponseWriter, *http.Request, hit)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f := s.meet(scope, r)
		if f.Latency > 0 {
			timer := time.NewTimer(f.Latency)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-r.Context().Done():
				return
			}
		}
		switch {
		case f.Reset:
			reset(w)
		case f.Status != 0:
			setRetryAfter(w, f.Faults)
			refuse(w, f.Status, f.Status, orElse(f.Message, http.StatusText(f.Status)))
		case f.Code != 0:
			setRetryAfter(w, f.Faults)
			refuse(w, http.StatusOK, f.Code, orElse(f.Message, "模拟的错误"))
		case f.ExpiredToken:
			s.revoke(r.Header.Get("Authorization"))
			refuse(w, http.StatusOK, codeUnauthorized, messageExpired)
		case f.Body != "":
			answer := kept{header: make(http.Header)}
			next(&answer, r, f)
			spoil(w, r, f.Body, answer.body.Bytes())
		default:
			next(w, r, f)
		}
	})
}

// reset breaks the connection off, as a reset where the connection can be had.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if c, ok := conn.(interface{ SetLinger(int) error }); ok {
		// With nothing to linger for, closing sends a reset. Where that cannot
		// be had, the caller sees the connection end, which will do.
		_ = c.SetLinger(0)
	}
	_ = conn.Close()
}

func orElse(s, other string) string {
	if strings.TrimSpace(s) == "" {
		return other
	}
	return s
}
