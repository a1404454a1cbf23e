package child_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// lines counts a file's lines; a file that is not there has none.
func lines(t *testing.T, path string) int {
	t.Helper()
	text, err := os.ReadFile(path)
	if !os.IsNotExist(err) {
		require.NoError(t, err)
	}
	return strings.Count(string(text), "\n")
}

func touch(t *testing.T, path string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, nil, 0o600))
}
