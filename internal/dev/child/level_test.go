package child_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tasksync/internal/dev/child"
)

func TestLevelOf(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]child.Level{
		`time=2026-11-23T10:00:00+08:00 level=INFO msg=started`:                        child.Plain,
		`time=2026-11-23T10:00:00+08:00 level=WARN msg="slow answer"`:                  child.Warning,
		`time=2026-11-23T10:00:00+08:00 level=ERROR msg=failed`:                        child.Failure,
		`time=2026-11-23T10:00:00+08:00 level=INFO msg="level=ERROR is not its level"`: child.Plain,
		`{"time":"2026-11-23T10:00:00Z","level":"WARN","msg":"x"}`:                     child.Warning,
		`{"level":"error","ts":"2026-11-23T10:00:00Z","msg":"x"}`:                      child.Failure,
		`{"level":"fatal","msg":"x"}`:                                                  child.Fatal,
		`2026/11/23 10:00:00 WARN look here`:                                           child.Warning,
		`2026-11-23 10:00:00.000 UTC [12] FATAL:  out of memory`:                       child.Fatal,
		`2026-11-23 10:00:00.000 UTC [12] LOG:  database system is ready`:              child.Plain,
		`panic: runtime error: index out of range`:                                     child.Fatal,
		`an error: of another kind`:                                                    child.Plain,
		``:                                                                             child.Plain,
	} {
		require.Equal(t, want, child.LevelOf(line), line)
	}
}
