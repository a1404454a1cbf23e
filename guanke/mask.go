package guanke

import (
	"encoding/base64"
	"errors"
	"net/url"
	"regexp"
	"strings"
	"unicode"

	"tasksync/guanke/mask"
)

// stars stand where something secret was.
const stars = "***"

// masker takes from foreign text what must not be seen.
type masker struct {
	secrets *strings.Replacer
}

var (
	queryText    = regexp.MustCompile(`\?[^\s"'<>]*=[^\s"'<>]*`)
	userInfoText = regexp.MustCompile(`://[^/\s"'<>@]*@`)
)

func newMasker(secrets ...string) *masker {
	return &masker{secrets: mask.Replacer(stars, secrets...)}
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
