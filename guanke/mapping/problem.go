package mapping

import (
	"fmt"
	"slices"
	"strings"
)

// Problem is one mistake in a file.
type Problem struct {
	// Line and Column count from 1.
	Line, Column int
	// Text says in Chinese what is wrong and how to mend it.
	Text string
}

// Error lists all mistakes of a file by their place.
type Error struct {
	File     string
	Problems []Problem
}

func (e *Error) Error() string {
	lines := []string{"数据源映射文件有误（TASKSYNC_SOURCE_MAPPING）："}
	for _, p := range e.Problems {
		lines = append(lines, fmt.Sprintf("  %s:%d:%d: %s", e.File, p.Line, p.Column, p.Text))
	}
	return strings.Join(lines, "\n")
}

// report is the problems as an error, nil if there are none.
func report(file string, problems []Problem) error {
	if len(problems) == 0 {
		return nil
	}
	slices.SortStableFunc(problems, func(a, b Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return &Error{File: file, Problems: problems}
}
