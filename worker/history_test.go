package worker_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"
	"google.golang.org/protobuf/encoding/protojson"

	"tasksync/guanke/sim"
	"tasksync/task"
	"tasksync/worker"
	"tasksync/workflows"
)

// record writes the histories that the replay test of package workflows reads:
// make record-histories.
var record = flag.Bool("record", false, "write workflows/testdata/replay")

// identity names the machine that recorded.
var identity = regexp.MustCompile(`"identity":\s*"[^"]*"`)

// Histories of real runs replay; with -record they are kept, so that a later
// change of the workflows is held against them.
func TestHistoriesReplay(t *testing.T) {
	for name, play := range map[string]func(s *system) (workflowID string){
		"sync-success": func(s *system) string {
			s.sync(task.Historical)
			return workflows.SyncWorkflowID(task.Historical)
		},
		"sync-retried": func(s *system) string {
			require.NoError(s.t, s.sim.SetFaults(sim.Faults{Status: 503, Times: 2}))
			s.sync(task.Historical)
			return workflows.SyncWorkflowID(task.Historical)
		},
		"sync-failed": func(s *system) string {
			require.NoError(s.t, s.sim.SetFaults(sim.Faults{Scope: "token", Code: 401, Message: "secret error"}))
			s.sync(task.Today)
			return workflows.SyncWorkflowID(task.Today)
		},
		"sync-canceled": func(s *system) string {
			require.NoError(s.t, s.sim.SetFaults(sim.Faults{Latency: 20 * time.Second}))
			s.start(task.Today)
			s.running(task.Today)
			require.NoError(s.t, s.runs.Cancel(s.ctx, task.Today, "test"))
			require.NoError(s.t, s.runs.Wait(s.ctx, task.Today, ""))
			return workflows.SyncWorkflowID(task.Today)
		},
		"sync-reset": func(s *system) string {
			s.sync(task.Historical)
			reset(s, workflows.SyncWorkflowID(task.Historical))
			require.NoError(s.t, s.runs.Wait(s.ctx, task.Historical, ""))
			return workflows.SyncWorkflowID(task.Historical)
		},
		"scheduled-run": func(s *system) string {
			return s.slot()
		},
		"scheduled-skipped": func(s *system) string {
			require.NoError(s.t, s.sim.SetFaults(sim.Faults{Latency: 3 * time.Second}))
			s.start(task.Today)
			defer func() { require.NoError(s.t, s.runs.Wait(s.ctx, task.Today, "")) }()
			return s.slot()
		},
		"housekeeping": func(s *system) string {
			run, err := s.temporal.ExecuteWorkflow(s.ctx, client.StartWorkflowOptions{ID: "housekeeping", TaskQueue: workflows.TaskQueue}, workflows.Housekeeping)
			require.NoError(s.t, err)
			require.NoError(s.t, run.Get(s.ctx, nil))
			return run.GetID()
		},
		"cleaning": func(s *system) string {
			run, err := s.temporal.ExecuteWorkflow(s.ctx, client.StartWorkflowOptions{ID: "cleaning", TaskQueue: workflows.TaskQueue}, workflows.Cleaning)
			require.NoError(s.t, err)
			require.NoError(s.t, run.Get(s.ctx, nil))
			return run.GetID()
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := setup(t)
			h := s.history(play(s))
			replayer := sdkworker.NewWorkflowReplayer()
			worker.RegisterWorkflows(replayer)
			require.NoError(t, replayer.ReplayWorkflowHistory(nil, h))
			if *record {
				text, err := protojson.MarshalOptions{Multiline: true}.Marshal(h)
				require.NoError(t, err)
				text = identity.ReplaceAll(text, []byte(`"identity":"worker"`))
				host, err := os.Hostname()
				require.NoError(t, err)
				text = bytes.ReplaceAll(text, []byte(host), []byte("host"))
				require.NoError(t, os.WriteFile(filepath.Join("..", "workflows", "testdata", "replay", name+".json"), text, 0o644))
			}
		})
	}
}

// slot runs one slot of the today schedule by hand.
func (s *system) slot() string {
	s.t.Helper()
	run, err := s.temporal.ExecuteWorkflow(s.ctx, client.StartWorkflowOptions{ID: "slot", TaskQueue: workflows.TaskQueue},
		workflows.ScheduledSync, workflows.ScheduledInput{Type: task.Today, LockTimeout: 30 * time.Minute})
	require.NoError(s.t, err)
	require.NoError(s.t, run.Get(s.ctx, nil))
	return run.GetID()
}

func (s *system) history(workflowID string) *historypb.History {
	s.t.Helper()
	events := s.temporal.GetWorkflowHistory(s.ctx, workflowID, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	var h historypb.History
	for events.HasNext() {
		e, err := events.Next()
		require.NoError(s.t, err)
		h.Events = append(h.Events, e)
	}
	return &h
}
