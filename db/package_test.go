package db_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tasksync/task"
)

func TestPackagesAreSavedByCode(t *testing.T) {
	f := setup(t)
	version := func() int64 {
		v, err := f.PackagesVersion(f.ctx)
		require.NoError(t, err)
		return v
	}
	before := version()
	packages := []task.Package{
		{Code: "某市-1014-高中-10000", Name: "dy-20251014-高中加购.csv", ExternalID: "123456", Enabled: true},
		{Code: "某市-1015-初中-5000", Name: "dy-20251015.csv"},
	}
	created, changed, err := f.SavePackages(f.ctx, packages)
	require.NoError(t, err)
	require.Equal(t, [2]int{2, 0}, [2]int{created, changed})
	after := version()
	require.Greater(t, after, before)

	created, changed, err = f.SavePackages(f.ctx, packages)
	require.NoError(t, err)
	require.Equal(t, [2]int{0, 0}, [2]int{created, changed})
	require.Equal(t, after, version(), "an upsert that changes nothing is no new version")

	packages[1].Enabled = true
	created, changed, err = f.SavePackages(f.ctx, packages)
	require.NoError(t, err)
	require.Equal(t, [2]int{0, 1}, [2]int{created, changed})

	got, v, err := f.Packages(f.ctx)
	require.NoError(t, err)
	require.Equal(t, version(), v)
	require.Len(t, got, 2)
	require.Equal(t, "123456", got[0].ExternalID)
	require.True(t, got[1].Enabled)
}
