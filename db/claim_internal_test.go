package db

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tasksync/task"
)

func TestClaimComesBackAsItWentIn(t *testing.T) {
	t.Parallel()
	full := task.Row{
		Task: task.Task{
			ID: "90071992547409931", Name: "某市-1016-高中", PackageRef: "P", State: "3", Total: 1 << 40, Called: -1, Connected: 3, Succeeded: 4,
			CreatedAt: time.Date(2026, 11, 23, 1, 2, 3, 456000, time.UTC), Attributes: []byte(`{"a":1}`),
		},
		Match: task.Match{State: task.MatchFailed, PackageID: 7, Layer: task.LayerPrefix, Reason: "数据包已停用"}, SearchedVersion: 9,
	}
	bare := task.Row{Task: task.Task{ID: "1", Name: "n", CreatedAt: time.Unix(0, 0).UTC()}}
	want := task.ClaimedRows{NewBatches: 1, PackagesVersion: 5, Batches: [][]task.Row{{full, bare}, {bare}}}
	packed, err := packClaim(&want)
	require.NoError(t, err)
	got, err := unpackClaim(packed)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func TestClaimThatIsCutShort(t *testing.T) {
	t.Parallel()
	row := task.Row{Task: task.Task{ID: "1", Name: "name", CreatedAt: time.Unix(1, 0).UTC(), Attributes: []byte(`{}`)}}
	whole := appendClaim(nil, &task.ClaimedRows{NewBatches: 1, Batches: [][]task.Row{{row}}})
	for n := range whole {
		_, err := readClaim(whole[:n])
		require.ErrorIs(t, err, errClaim, "%d of %d bytes", n, len(whole))
	}
	_, err := readClaim(append(whole, 0))
	require.ErrorIs(t, err, errClaim, "more than a claim")
}
