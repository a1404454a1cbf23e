package guanke

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// masker takes from foreign text what must not be seen.
type masker struct {
	secrets *strings.Replacer
}

var (
	queryText    = regexp.MustCompile(`\?[^\s"'<>]*=[^\s"'<>]*`)
	escapes      = regexp.MustCompile(`%[0-9A-F]{2}`)
	userInfoText = regexp.MustCompile(`://[^/\s"'<>@]*@`)
)

func newMasker(secrets ...string) *masker {
	// The longest first: one may hold another.
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, s := range secrets {
		if s != "" {
			pairs = append(pairs, forms(s)...)
		}
	}
	return &masker{secrets: strings.NewReplacer(pairs...)}
}

// forms are a secret as text, URLs, JSON and base64 write it, each with what
// stands in its place.
func forms(s string) []string {
	all := []string{s, url.QueryEscape(s), url.PathEscape(s)}
	for _, form := range all[1:] {
		all = append(all, escapes.ReplaceAllStringFunc(form, strings.ToLower))
	}
	if quoted, err := json.Marshal(s); err == nil {
		all = append(all, string(quoted[1:len(quoted)-1]))
	}
	all = append(all, strings.ReplaceAll(s, "/", `\/`))
	// What encodes very few bytes stands in many a text by chance.
	if len(s) >= 6 {
		all = append(all, base64.RawStdEncoding.EncodeToString([]byte(s)), base64.RawURLEncoding.EncodeToString([]byte(s)))
	}
	var pairs []string
	for _, form := range all {
		pairs = append(pairs, form, "***")
	}
	return pairs
}

// basic is what is sent by HTTP basic authorization; "" without a password.
func basic(username, password string) string {
	if password == "" {
		return ""
	}
	return base64.RawStdEncoding.EncodeToString([]byte(username + ":" + password))
}

// text is s without the secrets, queries and user names of URLs.
func (m *masker) text(s string) string {
	s = queryText.ReplaceAllString(s, "?***")
	s = userInfoText.ReplaceAllString(s, "://***@")
	return m.secrets.Replace(s)
}

// err is err as masked text alone: the URL that a *url.Error holds must not be
// reachable through Unwrap either.
func (m *masker) err(err error) error {
	var at *url.Error
	for errors.As(err, &at) {
		err = at.Err
	}
	return errors.New(m.text(err.Error()))
}

// excerpt is at most limit characters of s on one line, masked, without
// anything that cannot be printed.
func (m *masker) excerpt(s string, limit int) string {
	// The mask comes before the cut, which could leave half a secret, and
	// again after the cleaning, which could put one together.
	const enough = 64 << 10
	s = m.text(s[:min(len(s), enough)])
	clean := strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(s, "�"))
	out := []rune(m.text(strings.Join(strings.Fields(clean), " ")))
	if len(out) > limit {
		out = append(out[:limit], '…')
	}
	return string(out)
}
