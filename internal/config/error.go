package config

import (
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
)

// Problem is one wrong setting.
type Problem struct {
	// Name is the variable.
	Name string
	// Text says in Chinese what is wrong with which value and what is allowed.
	Text string
}

// Error lists all settings that are wrong.
type Error struct {
	Problems []Problem
}

func (e *Error) Error() string {
	lines := []string{"设置有误："}
	for _, p := range e.Problems {
		lines = append(lines, "  - "+p.Name+" "+p.Text)
	}
	return strings.Join(lines, "\n")
}

var parsers = map[reflect.Type]env.ParserFunc{
	reflect.TypeFor[slog.Level](): func(text string) (any, error) {
		var level slog.Level
		if !slices.Contains([]string{"debug", "info", "warn", "error"}, strings.ToLower(text)) {
			return nil, errors.New("unknown level")
		}
		err := level.UnmarshalText([]byte(text))
		return level, err
	},
	reflect.TypeFor[time.Location](): func(text string) (any, error) {
		// LoadLocation takes "Local" for the host's zone, which would make the
		// windows depend on the host.
		if text == "Local" {
			return nil, errors.New("the host's zone")
		}
		loc, err := time.LoadLocation(text)
		if err != nil {
			return nil, err
		}
		return *loc, nil
	},
	reflect.TypeFor[[]string](): func(text string) (any, error) {
		var list []string
		for part := range strings.SplitSeq(text, ",") {
			if part = strings.TrimSpace(part); part != "" {
				list = append(list, part)
			}
		}
		return list, nil
	},
}

// parseProblems translates the reader's errors, which name a field and not the
// variable.
func parseProblems(err error, environ map[string]string) []Problem {
	if err == nil {
		return nil
	}
	var all env.AggregateError
	if !errors.As(err, &all) {
		return []Problem{{Name: "", Text: err.Error()}}
	}
	t := reflect.TypeFor[Config]()
	var problems []Problem
	for _, err := range all.Errors {
		var parse env.ParseError
		if !errors.As(err, &parse) {
			problems = append(problems, Problem{Text: err.Error()})
			continue
		}
		f, ok := t.FieldByName(parse.Name)
		if !ok {
			problems = append(problems, Problem{Name: parse.Name, Text: err.Error()})
			continue
		}
		name := f.Tag.Get("env")
		problems = append(problems, wrong(name, environ[name], allowed(f.Type)))
	}
	return problems
}

func allowed(kind reflect.Type) string {
	switch kind {
	case reflect.TypeFor[time.Duration]():
		return "应为带单位的时长，例如 30s、5m、1h30m"
	case reflect.TypeFor[slog.Level]():
		return "应为 debug、info、warn 或 error"
	case reflect.TypeFor[*time.Location]():
		return "应为时区名称，例如 Asia/Shanghai"
	}
	switch kind.Kind() {
	case reflect.Int, reflect.Int64:
		return "应为整数"
	case reflect.Float64:
		return "应为数字"
	}
	return "格式不正确"
}

func wrong(name string, value any, allowed string) Problem {
	return Problem{Name: name, Text: fmt.Sprintf("的值 %q 不正确：%s", fmt.Sprint(value), allowed)}
}
