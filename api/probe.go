package api

import (
	"context"
	"strings"
	"time"

	"tasksync/api/apigen"
	"tasksync/task"
)

// readyTimeout bounds each check of /readyz.
const readyTimeout = 3 * time.Second

// Healthz answers GET /healthz: the process answers, nothing else is asked.
func (s *server) Healthz(context.Context, apigen.HealthzRequestObject) (apigen.HealthzResponseObject, error) {
	return apigen.Healthz200JSONResponse{Status: "ok"}, nil
}

// Readyz answers GET /readyz: 503 with everything that is missing unless the
// database, Temporal and a polling worker are there.
func (s *server) Readyz(ctx context.Context, _ apigen.ReadyzRequestObject) (apigen.ReadyzResponseObject, error) {
	ctx = requestContext(ctx)
	database := check(ctx, s.records.Ping)
	runs := check(ctx, s.runs.Ready)

	var missing, reasons []string
	if database != nil {
		missing = append(missing, string(task.CodeDatabaseUnavailable))
		reasons = append(reasons, reason(database, task.CodeDatabaseUnavailable, "数据库不可用"))
	}
	switch {
	case runs == nil:
	case task.CodeOf(runs) == task.CodeWorkerUnavailable:
		missing = append(missing, string(task.CodeWorkerUnavailable))
		reasons = append(reasons, "没有正在轮询的工作进程（tasksync worker）")
	default:
		missing = append(missing, string(task.CodeTemporalUnavailable))
		reasons = append(reasons, "Temporal 不可用")
	}
	if len(missing) == 0 {
		return apigen.Readyz200JSONResponse{Status: "ok"}, nil
	}
	s.log.WarnContext(ctx, "not ready", "missing", missing, "database", database, "runs", runs)
	return apigen.Readyz503JSONResponse{
		Error: "未就绪：" + strings.Join(reasons, "；"), ErrorType: missing[0], Missing: missing,
	}, nil
}

// reason is the public message of a failure of the given code, which says what
// to do about it; otherwise stands for any other failure, such as a time-out.
func reason(err error, code task.Code, otherwise string) string {
	if task.CodeOf(err) == code {
		return task.MessageOf(err)
	}
	return otherwise
}

func check(ctx context.Context, probe func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	return probe(ctx)
}
