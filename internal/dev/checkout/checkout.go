// Package checkout finds the root of the source tree that a command or a test
// runs in: the folder with the project's go.mod. Development finds its pinned
// tools there.
package checkout

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Module is the module path that marks the root.
const Module = "tasksync"

// Root walks up from each start folder and answers the first folder whose
// go.mod is the project's. Without a start folder it walks up from the working
// directory. The error says where it looked.
func Root(starts ...string) (string, error) {
	if len(starts) == 0 {
		wd, err := os.Getwd()
		if err != nil {
			return "", fmt.Errorf("working directory: %w", err)
		}
		starts = []string{wd}
	}
	for _, start := range starts {
		dir, err := filepath.Abs(start)
		if err != nil {
			return "", err
		}
		for {
			if isRoot(dir) {
				return dir, nil
			}
			parent := filepath.Dir(dir)
			if parent == dir {
				break
			}
			dir = parent
		}
	}
	return "", fmt.Errorf("在 %s 及其上级目录中没有找到 tasksync 的源码目录（go.mod）", strings.Join(starts, "、"))
}

func isRoot(dir string) bool {
	f, err := os.Open(filepath.Join(dir, "go.mod"))
	if err != nil {
		return false
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if name, ok := strings.CutPrefix(strings.TrimSpace(lines.Text()), "module "); ok {
			return strings.TrimSpace(name) == Module
		}
	}
	return false
}
