// Package worker builds the Temporal worker of tasksync and registers its
// workflows and activities; nothing else.
package worker

import (
	"context"
	"errors"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"tasksync/activities"
	"tasksync/task"
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

// EnsureSearchAttributes registers the search attributes of runs in a namespace
// and makes sure that they are there with their types: an attribute that is
// missing would refuse every start.
func EnsureSearchAttributes(ctx context.Context, c client.Client, namespace string) error {
	want := map[string]enumspb.IndexedValueType{
		workflows.AttributeType.GetName():     enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		workflows.AttributeTrigger.GetName():  enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		workflows.AttributeStatus.GetName():   enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		workflows.AttributeRecordID.GetName(): enumspb.INDEXED_VALUE_TYPE_INT,
	}
	_, err := c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
		SearchAttributes: want, Namespace: namespace,
	})
	if err != nil {
		return unregistered(err, namespace)
	}
	have, err := c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil {
		return unregistered(err, namespace)
	}
	for name, kind := range want {
		if got := have.GetCustomAttributes()[name]; got != kind {
			return task.Errorf(task.CodeInvalidArgument,
				"Temporal 命名空间 %s 中的 search attribute %s 类型是 %s，应为 %s：请删除它，或用 TEMPORAL_NAMESPACE 换一个命名空间", namespace, name, got, kind)
		}
	}
	return nil
}

// unregistered says why search attributes could not be registered.
func unregistered(err error, namespace string) error {
	var (
		missing *serviceerror.NamespaceNotFound
		unknown *serviceerror.NotFound
		denied  *serviceerror.PermissionDenied
	)
	switch {
	case errors.As(err, &missing), errors.As(err, &unknown):
		return task.Wrap(task.CodeInvalidArgument, err,
			"Temporal 没有命名空间 %s：请先建立（temporal operator namespace create --namespace %s），或检查 TEMPORAL_NAMESPACE", namespace, namespace)
	case errors.As(err, &denied):
		return task.Wrap(task.CodeInvalidArgument, err,
			"没有权限在 Temporal 命名空间 %s 中登记 search attribute，请由管理员登记 SyncType、SyncTrigger、SyncStatus（Keyword）和 SyncRecordId（Int）", namespace)
	}
	return task.Wrap(task.CodeTemporalUnavailable, err, "连接不到 Temporal，请检查它是否在运行，以及 TEMPORAL_ADDRESS 是否正确")
}
