package recording

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"tasksync/guanke/mask"
)

// Removed stands where something secret was.
const Removed = "REMOVED"

// shortestSecret keeps a credential of one or two characters from tearing the
// rest apart; its field is removed by name all the same.
const shortestSecret = 4

// shortestToken is the shortest text under a secret name of a body that is
// looked for in other places too.
const shortestToken = 8

var (
	jsonMember = regexp.MustCompile(`"((?:[^"\\]|\\.)*)"(\s*:\s*)("(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*)`)
	// A text that holds quotes may be JSON itself.
	jsonInText = regexp.MustCompile(`"(?:[^"\\]|\\[^"])*\\"(?:[^"\\]|\\.)*"`)
	// An ampersand may be escaped in JSON and in HTML.
	queryPair = regexp.MustCompile(`([?&;]|\\u0026|&amp;)([A-Za-z0-9_.\[\]-]+)=([^&\s"'<>\\;]*)`)
	userInfo  = regexp.MustCompile(`(:(?:/|\\/){2})[^/\s"'<>@\\]*@`)
	notWord   = regexp.MustCompile(`[^a-z0-9]+`)
)

// scrubber removes what is secret from text.
type scrubber struct {
	// names of fields, parameters and headers, as plain writes them, beside
	// those that secretName knows.
	names []string

	mu       sync.Mutex
	secrets  []string
	replacer *strings.Replacer
}

func newScrubber(secrets, names []string) *scrubber {
	s := &scrubber{replacer: strings.NewReplacer()}
	for _, n := range names {
		s.names = append(s.names, plain(n))
	}
	s.learn(secrets...)
	return s
}

// plain is a name without case and punctuation: X-Api-Key is xapikey.
func plain(name string) string { return notWord.ReplaceAllString(strings.ToLower(name), "") }

// learn adds secrets, which are removed wherever they stand from now on, in
// whatever form.
func (s *scrubber) learn(secrets ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, secret := range secrets {
		if len(secret) < shortestSecret || secret == Removed || slices.Contains(s.secrets, secret) {
			continue
		}
		s.secrets = append(s.secrets, secret)
	}
	s.replacer = mask.Replacer(Removed, s.secrets...)
}

func (s *scrubber) known(text string) string {
	s.mu.Lock()
	replacer := s.replacer
	s.mu.Unlock()
	return replacer.Replace(text)
}

// secretName reports whether a field, parameter or header of that name holds
// what gives access. The cursor of a page is often called a token too; it is
// none.
func (s *scrubber) secretName(name string) bool {
	p := plain(name)
	if slices.Contains(s.names, p) {
		return true
	}
	for _, word := range [...]string{"page", "next", "cursor", "continu", "prev"} {
		if strings.Contains(p, word) {
			return false
		}
	}
	for _, word := range [...]string{
		"token", "secret", "passw", "pwd", "authoriz", "authentic", "apikey", "accesskey", "privatekey", "appkey",
		"credential", "signature", "cookie", "session", "jwt", "bearer",
	} {
		if strings.Contains(p, word) {
			return true
		}
	}
	return slices.Contains([]string{"auth", "sign", "sig", "sid"}, p)
}

// secretParam is secretName for a parameter of a request, where a name of a
// user or a plain key goes with a password too.
func (s *scrubber) secretParam(name string) bool {
	return s.secretName(name) || slices.Contains([]string{"key", "username", "user", "account", "appid", "clientid"}, plain(name))
}

// secretNumber reports whether even a number under that name is secret. Most
// are counts of something.
func secretNumber(name string) bool {
	p := plain(name)
	return strings.Contains(p, "passw") || strings.Contains(p, "pwd") || strings.Contains(p, "secret")
}

// text is s without secrets, as the body of a request or an answer.
func (s *scrubber) text(text string) string { return s.textAt(text, 0) }

// deepestText bounds how often JSON may stand as a text within JSON.
const deepestText = 4

func (s *scrubber) textAt(text string, depth int) string {
	if depth < deepestText {
		text = jsonInText.ReplaceAllStringFunc(text, func(m string) string {
			var inner string
			if json.Unmarshal([]byte(m), &inner) != nil {
				return m
			}
			clean := s.textAt(inner, depth+1)
			if clean == inner {
				return m
			}
			out, err := json.Marshal(clean)
			if err != nil {
				return `"` + Removed + `"`
			}
			return string(out)
		})
	}
	text = jsonMember.ReplaceAllStringFunc(text, func(m string) string {
		part := jsonMember.FindStringSubmatch(m)
		if !s.secretName(part[1]) {
			return m
		}
		if part[3][0] == '"' {
			if value := part[3][1 : len(part[3])-1]; len(value) >= shortestToken {
				s.learn(value)
			}
			return `"` + part[1] + `"` + part[2] + `"` + Removed + `"`
		}
		if !secretNumber(part[1]) {
			return m
		}
		return `"` + part[1] + `"` + part[2] + "0"
	})
	text = queryPair.ReplaceAllStringFunc(text, func(m string) string {
		part := queryPair.FindStringSubmatch(m)
		if !s.secretParam(part[2]) {
			return m
		}
		return part[1] + part[2] + "=" + Removed
	})
	text = userInfo.ReplaceAllString(text, "${1}"+Removed+"@")
	return s.known(text)
}

// query is a request's query without secrets, in the order of the names.
func (s *scrubber) query(q url.Values) url.Values {
	out := url.Values{}
	for name, values := range q {
		for _, v := range values {
			if s.secretName(name) {
				s.learn(v)
			}
			if v = s.known(v); s.secretParam(name) {
				v = Removed
			}
			out.Add(s.known(name), v)
		}
	}
	return out
}

// droppedHeaders say nothing about the source, or are written anew.
var droppedHeaders = []string{
	"Set-Cookie", "Connection", "Content-Length", "Content-Encoding", "Transfer-Encoding", "Date", "Keep-Alive", "Trailer",
	"Strict-Transport-Security", "Server", "Via", "Alt-Svc",
}

// header is an answer's header without secrets and without what the connection
// alone was about.
func (s *scrubber) header(h http.Header) http.Header {
	out := http.Header{}
	for name, values := range h {
		if slices.Contains(droppedHeaders, name) {
			continue
		}
		for _, v := range values {
			if v = s.text(v); s.secretName(name) {
				v = Removed
			}
			out.Add(name, strings.Map(printable, v))
		}
	}
	return out
}

// printable makes a space of what may not stand in a header.
func printable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return ' '
	}
	return r
}
