package guanke

import (
	"encoding/json"
	"errors"
	"net/url"
	"regexp"
	"strings"
	"unicode"
)

// masker takes from foreign text what must not be seen.
type masker struct {
	secrets *strings.Replacer
}

var (
	queryText    = regexp.MustCompile(`\?[^\s"'<>]*=[^\s"'<>]*`)
	userInfoText = regexp.MustCompile(`://[^/\s"'<>@]*@`)
)

func newMasker(secrets ...string) *masker {
	var pairs []string
	for _, s := range secrets {
		if s == "" {
			continue
		}
		forms := []string{s, url.QueryEscape(s), url.PathEscape(s)}
		if quoted, err := json.Marshal(s); err == nil {
			forms = append(forms, string(quoted[1:len(quoted)-1]))
		}
		for _, form := range forms {
			pairs = append(pairs, form, "***")
		}
	}
	return &masker{secrets: strings.NewReplacer(pairs...)}
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
