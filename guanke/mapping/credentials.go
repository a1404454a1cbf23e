package mapping

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Credentials are the values of the GUANKE_* settings that a mapping names as
// ${secret}, ${username} and ${password}.
type Credentials struct{ Secret, Username, Password string }

// settings names the setting behind each placeholder.
var settings = map[string]string{
	"secret": "GUANKE_API_SECRET", "username": "GUANKE_USERNAME", "password": "GUANKE_PASSWORD",
}

var placeholder = regexp.MustCompile(`\$\{([^}]*)\}`)

func (c Credentials) value(name string) string {
	switch name {
	case "secret":
		return c.Secret
	case "username":
		return c.Username
	case "password":
		return c.Password
	}
	return ""
}

// Fill puts the credentials into a text of the mapping.
func (c Credentials) Fill(text string) string {
	return placeholder.ReplaceAllStringFunc(text, func(m string) string { return c.value(m[2 : len(m)-1]) })
}

// FillAny is Fill for every text in a JSON value.
func (c Credentials) FillAny(v any) any {
	switch v := v.(type) {
	case string:
		return c.Fill(v)
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, x := range v {
			out[name] = c.FillAny(x)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = c.FillAny(x)
		}
		return out
	}
	return v
}

// Unsendable is the setting of a credential that holds a control character,
// such as the line feed at the end of a file; "" if there is none.
func (c Credentials) Unsendable() string {
	for _, name := range [...]string{"secret", "username", "password"} {
		if strings.ContainsFunc(c.value(name), unicode.IsControl) {
			return settings[name]
		}
	}
	return ""
}

// names are the placeholders in a text, in their order.
func names(text string) []string {
	var out []string
	for _, m := range placeholder.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(out, m[1]) {
			out = append(out, m[1])
		}
	}
	return out
}

func namesIn(v any) []string {
	switch v := v.(type) {
	case string:
		return names(v)
	case map[string]any:
		var out []string
		for _, x := range v {
			out = append(out, namesIn(x)...)
		}
		return out
	case []any:
		var out []string
		for _, x := range v {
			out = append(out, namesIn(x)...)
		}
		return out
	}
	return nil
}

// Settings are the settings that the request needs, sorted.
func (r *Request) Settings() []string {
	var all []string
	for _, p := range slices.Concat(r.Headers, r.Query) {
		all = append(all, names(p.Value)...)
	}
	return settingsOf(append(all, namesIn(r.Body)...))
}

func settingsOf(names []string) []string {
	var out []string
	for _, n := range names {
		out = append(out, settings[n])
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (c Credentials) has(setting string) bool {
	for name, s := range settings {
		if s == setting {
			return c.value(name) != ""
		}
	}
	return false
}

// Ways are the alternative sets of settings that authorize us; one empty set
// if none is needed.
func (a *Auth) Ways() [][]string {
	switch a.Kind {
	case AuthStatic:
		return [][]string{settingsOf(names(a.Value))}
	case AuthBasic:
		return [][]string{{settings["password"], settings["username"]}}
	case AuthToken:
		var out [][]string
		for i := range a.Requests {
			out = append(out, a.Requests[i].Settings())
		}
		return out
	}
	return [][]string{nil}
}

// Way is the first of Ways whose settings are all in c. The error says in
// Chinese which settings are missing.
func (a *Auth) Way(c Credentials) (int, error) {
	ways := a.Ways()
	var texts []string
	for i, way := range ways {
		if !slices.ContainsFunc(way, func(s string) bool { return !c.has(s) }) {
			return i, nil
		}
		text := strings.Join(way, " 和 ")
		if len(way) > 1 {
			text = "同时设置 " + text
		}
		texts = append(texts, text)
	}
	return 0, fmt.Errorf("没有设置冠客凭据，请设置 %s", strings.Join(texts, "，或"))
}
