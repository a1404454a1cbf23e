package postgres_test

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"tasksync/internal/dev/checkout"
	"tasksync/internal/dev/postgres"
)

// Every installation of this machine can make a database folder and set its
// password, whatever its version.
func TestInitAndSetPasswordWithEachInstallation(t *testing.T) {
	t.Parallel()
	root, err := checkout.Root()
	require.NoError(t, err)
	found, err := postgres.Find(t.Context(), root)
	require.NoError(t, err)
	account, err := postgres.Unprivileged()
	require.NoError(t, err)
	for _, i := range found {
		t.Run(strconv.Itoa(i.Major), func(t *testing.T) {
			t.Parallel()
			i, err := i.Place(t.Context(), account)
			require.NoError(t, err)
			// Unlike t.TempDir, the unprivileged account reaches it.
			dir, err := os.MkdirTemp("/tmp", "tasksync-initdb-")
			require.NoError(t, err)
			t.Cleanup(func() { _ = os.RemoveAll(dir) })
			require.NoError(t, os.Chmod(dir, 0o755))
			s := postgres.Server{
				Installation: i, Account: account, Data: filepath.Join(dir, "data"), Password: postgres.NewPassword(),
			}
			require.NoError(t, s.Init(t.Context(), false))
			major, err := postgres.MajorOf(s.Data)
			require.NoError(t, err)
			require.Equal(t, i.Major, major)
			info, err := os.Stat(s.Data)
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
			s.Password = postgres.NewPassword()
			require.NoError(t, s.SetPassword(t.Context()))
			require.ErrorContains(t, s.Init(t.Context(), false), "not empty", "a folder with data is never replaced")
		})
	}
}

func TestReaches(t *testing.T) {
	t.Parallel()
	require.True(t, postgres.Account{}.Reaches("/anything"))
	account, err := postgres.Unprivileged()
	require.NoError(t, err)
	if account.Name == "" {
		require.NotZero(t, os.Geteuid())
		return
	}
	closed := t.TempDir()
	require.NoError(t, os.Chmod(closed, 0o700))
	require.False(t, account.Reaches(closed))
	require.True(t, account.Reaches("/tmp"))
}
