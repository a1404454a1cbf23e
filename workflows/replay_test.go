package workflows_test

import (
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"tasksync/workflows"
)

// Recorded runs replay: a change of the workflows that would wedge open runs
// fails here. make record-histories records anew after such a change was
// decided.
func TestReplay(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/replay/*.json")
	require.NoError(t, err)
	recorded := map[string]bool{}
	for _, file := range files {
		text, err := os.Open(file)
		require.NoError(t, err)
		h, err := client.HistoryFromJSON(text, client.HistoryJSONOptions{})
		require.NoError(t, err, file)
		require.NoError(t, text.Close())
		recorded[h.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowType().GetName()] = true
		replayer := worker.NewWorkflowReplayer()
		for _, w := range workflows.All() {
			replayer.RegisterWorkflow(w)
		}
		require.NoError(t, replayer.ReplayWorkflowHistory(nil, h), file)
	}
	for _, w := range workflows.All() {
		path := runtime.FuncForPC(reflect.ValueOf(w).Pointer()).Name()
		name := path[strings.LastIndex(path, ".")+1:]
		require.True(t, recorded[name], "%s has no recorded history: run make record-histories", name)
	}
}
