package sim

import (
	"bufio"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// maxSwitchBody bounds the body of a switch, in bytes.
const maxSwitchBody = 64 << 10

// admin answers below /_sim/.
func (s *Server) admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_sim/clock", s.getClock)
	mux.HandleFunc("PUT /_sim/clock", s.putClock)
	mux.HandleFunc("DELETE /_sim/clock", func(w http.ResponseWriter, r *http.Request) {
		s.Unfreeze()
		s.getClock(w, r)
	})
	mux.HandleFunc("GET /_sim/faults", s.getFaults)
	mux.HandleFunc("PUT /_sim/faults", s.putFaults)
	mux.HandleFunc("DELETE /_sim/faults", func(w http.ResponseWriter, r *http.Request) {
		// None at all is valid.
		_ = s.SetFaults(Faults{})
		s.getFaults(w, r)
	})
	mux.HandleFunc("GET /_sim/changes", s.getChanges)
	mux.HandleFunc("PUT /_sim/changes", s.putChanges)
	mux.HandleFunc("DELETE /_sim/changes", func(w http.ResponseWriter, r *http.Request) {
		// None at all is valid.
		_ = s.SetChanges(Changes{})
		s.getChanges(w, r)
	})
	mux.HandleFunc("GET /_sim/stats", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, s.Stats())
	})
	mux.HandleFunc("GET /_sim/truth", s.getTruth)

	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeFault(w, http.StatusForbidden, errors.New("拒绝来自其他网站的请求"))
	}))
	protected := guard.Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.allowedHost(r.Host) {
			writeFault(w, http.StatusForbidden, errors.New("主机名不在允许之列，请用 127.0.0.1 或 localhost 访问，或在设置中允许它"))
			return
		}
		protected.ServeHTTP(w, r)
	})
}

// allowedHost keeps a foreign name that was rebound to this machine out.
func (s *Server) allowedHost(hostport string) bool {
	host := hostOnly(hostport)
	if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() {
		return true
	}
	return host == "localhost" || slices.ContainsFunc(s.cfg.AllowedHosts, func(allowed string) bool {
		return host != "" && hostOnly(allowed) == host
	})
}

func hostOnly(hostport string) string {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}

func writeFault(w http.ResponseWriter, status int, err error) {
	writeJSON(w, status, map[string]string{"error": err.Error()})
}

// readSwitch reads the body of a switch; it answers false after it has said
// what is wrong.
func readSwitch(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxSwitchBody))
	if err != nil {
		writeFault(w, http.StatusBadRequest, errors.New("请求体读不完整或超过 64 KiB"))
		return nil, false
	}
	if len(strings.TrimSpace(string(body))) == 0 {
		writeFault(w, http.StatusBadRequest, errors.New("缺少请求体，应为 JSON 对象"))
		return nil, false
	}
	return body, true
}

func (s *Server) getClock(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	now, frozen := s.now(), s.frozen != nil
	s.mu.Unlock()
	writeJSON(w, http.StatusOK, struct {
		Now    time.Time `json:"now"`
		Frozen bool      `json:"frozen"`
	}{now, frozen})
}

func (s *Server) putClock(w http.ResponseWriter, r *http.Request) {
	body, ok := readSwitch(w, r)
	if !ok {
		return
	}
	var in struct {
		Now string `json:"now"`
	}
	if err := decodeStrict(body, &in); err != nil {
		writeFault(w, http.StatusBadRequest, err)
		return
	}
	now, err := time.Parse(time.RFC3339, in.Now)
	if err != nil {
		writeFault(w, http.StatusBadRequest, errors.New(`now 应形如 "2026-11-23T14:00:00+08:00"`))
		return
	}
	s.Freeze(now)
	s.getClock(w, r)
}

func (s *Server) getFaults(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, s.Faults())
}

func (s *Server) putFaults(w http.ResponseWriter, r *http.Request) {
	body, ok := readSwitch(w, r)
	if !ok {
		return
	}
	f, err := ParseFaults(string(body))
	if err == nil {
		err = s.SetFaults(f)
	}
	if err != nil {
		writeFault(w, http.StatusBadRequest, err)
		return
	}
	s.getFaults(w, r)
}

// getTruth streams all tasks from startTime to endTime, both included, one
// JSON object a line, as a list would show them now. The span may be any.
func (s *Server) getTruth(w http.ResponseWriter, r *http.Request) {
	first, last, err := s.span(r.URL.Query())
	if err != nil {
		writeFault(w, http.StatusBadRequest, err)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	out := bufio.NewWriterSize(w, 64<<10)
	var line []byte
	v := s.look(false)
	v.walk(first, last, 0, math.MaxInt, func(d day, index int) bool {
		line = append(v.appendTask(line[:0], d, index), '\n')
		_, err := out.Write(line)
		return err == nil && r.Context().Err() == nil // Else the caller has gone.
	})
	_ = out.Flush() // As above.
}
