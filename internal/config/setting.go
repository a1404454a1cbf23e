package config

import (
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
)

// Setting describes one variable, as .env.example shows it.
type Setting struct {
	// Name is the variable, Default what it is when unset ("" for nothing).
	Name, Default string
	// Text says in Chinese what it is for.
	Text string
	// Group is the heading of the part that begins with this setting, "" where
	// none begins.
	Group string

	index []int
	kind  reflect.Type
}

func settings() []Setting {
	t := reflect.TypeFor[Config]()
	var all []Setting
	for i := range t.NumField() {
		f := t.Field(i)
		name := f.Tag.Get("env")
		if name == "" {
			continue
		}
		all = append(all, Setting{
			Name: name, Default: f.Tag.Get("envDefault"), Text: f.Tag.Get("zh"), Group: f.Tag.Get("group"),
			index: f.Index, kind: f.Type,
		})
	}
	return all
}

// Settings lists every setting of Config in its order.
func Settings() []Setting { return settings() }

// Unknown lists the variables of environ that look like settings of tasksync
// and are none, such as misspelt ones. TASKSYNC_TEST_ and TASKSYNC_E2E_ belong
// to tests.
func Unknown(environ map[string]string) []string {
	known := map[string]bool{}
	for _, s := range settings() {
		known[s.Name] = true
	}
	var unknown []string
	for name := range environ {
		ours := strings.HasPrefix(name, "TASKSYNC_") || strings.HasPrefix(name, "GUANKE_")
		test := strings.HasPrefix(name, "TASKSYNC_TEST_") || strings.HasPrefix(name, "TASKSYNC_E2E_")
		if ours && !test && !known[name] {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	return unknown
}

// UnknownHere is Unknown of the environment of this process.
func UnknownHere() []string { return Unknown(env.ToMap(os.Environ())) }

// format is a value as it would be written in the environment.
func format(v any) string {
	switch v := v.(type) {
	case []string:
		return strings.Join(v, ",")
	case slog.Level:
		return strings.ToLower(v.String())
	case *time.Location:
		if v == nil {
			return ""
		}
		return v.String()
	default:
		return fmt.Sprint(v)
	}
}
