//go:build long

package e2e_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tasksync/internal/systest"
	"tasksync/task"
)

// Both workers are killed again and again, in turn, at any moment of fetching
// and storing; the run still ends by itself with every task once.
func TestRunSurvivesManyKills(t *testing.T) {
	t.Parallel()
	s := bigSystem(t)
	workers := [2]*systest.Proc{s.Worker(), s.StartWorker()}
	id := start(t, s, task.Historical)
	s.WaitRunning(task.Historical)
	kills := 0
	for i := 0; s.Record(id).Status == task.Running && kills < 12; i = 1 - i {
		time.Sleep(time.Duration(rand.IntN(1500)) * time.Millisecond)
		workers[i].Kill9()
		kills++
		workers[i] = s.StartWorker()
	}
	require.Greater(t, kills, 2)
	requireNothingLostOrDoubled(t, s, s.WaitRecord(id))
}
