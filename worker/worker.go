// Package worker builds the Temporal worker of tasksync and registers its
// workflows and activities; nothing else.
package worker

import (
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"tasksync/activities"
	"tasksync/workflows"
)

const (
	// stickyTimeout is how long a workflow task waits for the worker that
	// knows the run, before any worker takes it.
	stickyTimeout = time.Second
	// heartbeatThrottle bounds how late a cancel reaches an activity.
	heartbeatThrottle = 500 * time.Millisecond
)

// Config holds the settings of a worker.
type Config struct {
	// TaskQueue is where the worker polls; "" means workflows.TaskQueue.
	TaskQueue string
	// StopTimeout is how long a stopping worker waits for its activities.
	StopTimeout time.Duration
	// OnFatal is told if the worker ends by itself; nil tells nobody.
	OnFatal func(error)
}

// New builds a worker that is not started.
func New(c client.Client, cfg Config, a *activities.Activities) worker.Worker {
	if cfg.TaskQueue == "" {
		cfg.TaskQueue = workflows.TaskQueue
	}
	w := worker.New(c, cfg.TaskQueue, worker.Options{
		StickyScheduleToStartTimeout: stickyTimeout,
		MaxHeartbeatThrottleInterval: heartbeatThrottle,
		WorkerStopTimeout:            cfg.StopTimeout,
		OnFatalError:                 cfg.OnFatal,
	})
	RegisterWorkflows(w)
	w.RegisterActivity(a)
	return w
}

// RegisterWorkflows registers the workflows with a worker or a replayer.
func RegisterWorkflows(r interface{ RegisterWorkflow(w any) }) {
	for _, w := range workflows.All() {
		r.RegisterWorkflow(w)
	}
}
