// Package mask knows how a secret may be written in foreign text: the client
// takes secrets out of what it says, a recording out of what it keeps.
package mask

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// shortestEncoded is the shortest secret, in bytes, that is looked for in
// base64: what encodes fewer stands in many a text by chance.
const shortestEncoded = 6

var escapes = regexp.MustCompile(`%[0-9A-F]{2}`)

// forms are a secret as text, URLs, JSON and base64 write it. Padding of base64
// is not in them, so that a text with or without it holds the form.
func forms(secret string) []string {
	out := []string{secret, strings.ReplaceAll(secret, "/", `\/`)}
	for _, form := range [...]string{url.QueryEscape(secret), url.PathEscape(secret)} {
		out = append(out, form, escapes.ReplaceAllStringFunc(form, strings.ToLower))
	}
	if quoted, err := json.Marshal(secret); err == nil {
		out = append(out, string(quoted[1:len(quoted)-1]))
	}
	if len(secret) >= shortestEncoded {
		out = append(out, base64.RawStdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)))
	}
	return out
}

// Replacer writes with for each of the secrets in any of their forms; "" is no
// secret. The longest are looked for first, since one may hold another.
func Replacer(with string, secrets ...string) *strings.Replacer {
	secrets = slices.Clone(secrets)
	slices.SortStableFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, secret := range secrets {
		if secret == "" {
			continue
		}
		for _, form := range forms(secret) {
			pairs = append(pairs, form, with)
		}
	}
	return strings.NewReplacer(pairs...)
}
