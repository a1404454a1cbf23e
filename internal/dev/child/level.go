package child

import (
	"regexp"
	"strings"
)

// Level is how grave a line of output is.
type Level int

// The levels. Plain is any line that tells no graver one.
const (
	Plain Level = iota
	Warning
	Failure
	Fatal
)

var (
	// slog's text and JSON, Temporal's JSON.
	logLevel = regexp.MustCompile(`(?i)(?:^|[\s{,])"?level"?[=:]\s*"?(debug|info|warn|warning|error|fatal|panic)\b`)
	// slog before it is configured: date, time, level.
	plainLevel = regexp.MustCompile(`^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d (WARN|ERROR) `)
	// PostgreSQL's log.
	postgresLevel = regexp.MustCompile(`\s(WARNING|ERROR|FATAL|PANIC):\s`)
)

// LevelOf reads the level from a line of slog, of Temporal, of PostgreSQL or of a
// dying Go program.
func LevelOf(line string) Level {
	if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") {
		return Fatal
	}
	var m []string
	for _, form := range []*regexp.Regexp{logLevel, plainLevel, postgresLevel} {
		if m = form.FindStringSubmatch(line); m != nil {
			break
		}
	}
	if m == nil {
		return Plain
	}
	switch strings.ToLower(m[1]) {
	case "debug", "info":
		return Plain
	case "warn", "warning":
		return Warning
	case "error":
		return Failure
	default:
		return Fatal
	}
}
