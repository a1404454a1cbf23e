package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"tasksync/api/apigen"
	"tasksync/task"
)

// codeMethodNotAllowed is the one code that only HTTP knows.
const codeMethodNotAllowed task.Code = "method_not_allowed"

// statuses is the one place that maps a code to a status. A code that is not
// in it is a 500.
var statuses = map[task.Code]int{
	task.CodeInvalidArgument:     http.StatusBadRequest,
	task.CodeForbiddenOrigin:     http.StatusForbidden,
	task.CodeNotFound:            http.StatusNotFound,
	codeMethodNotAllowed:         http.StatusMethodNotAllowed,
	task.CodeLockConflict:        http.StatusConflict,
	task.CodeCanceled:            http.StatusConflict,
	task.CodeRecordClosed:        http.StatusConflict,
	task.CodeTerminated:          http.StatusInternalServerError,
	task.CodeDeadline:            http.StatusInternalServerError,
	task.CodeInternal:            http.StatusInternalServerError,
	task.CodeSourceUnavailable:   http.StatusBadGateway,
	task.CodeSourceAuth:          http.StatusBadGateway,
	task.CodeSourceContract:      http.StatusBadGateway,
	task.CodeSourceDrift:         http.StatusBadGateway,
	task.CodeWorkerUnavailable:   http.StatusServiceUnavailable,
	task.CodeDatabaseUnavailable: http.StatusServiceUnavailable,
	task.CodeTemporalUnavailable: http.StatusServiceUnavailable,
}

func statusOf(code task.Code) int {
	if status, ok := statuses[code]; ok {
		return status
	}
	return http.StatusInternalServerError
}

// statusOfRun is the status for a run that came to a bad end: 409 if it was
// canceled, 502 if the source is to blame, and 500 otherwise. The database
// that failed a run may well answer by now, so that a 503 would be wrong.
func statusOfRun(code task.Code) int {
	if code == task.CodeCanceled || statusOf(code) == http.StatusBadGateway {
		return statusOf(code)
	}
	return http.StatusInternalServerError
}

// runError is a failure after a run was started, whose record people can look
// up.
type runError struct {
	recordID int64
	// summary is nil unless the run came to a bad end that its record tells;
	// without it the run's outcome could not be read.
	summary *apigen.Summary
	err     error
}

func (e *runError) Error() string { return e.err.Error() }

func (e *runError) Unwrap() error { return e.err }

// fail answers err with the house's envelope. What went wrong on this side is
// logged with its cause, which the client does not see; how a run ended is in
// its record.
func (s *server) fail(c *gin.Context, err error) {
	status, body := describe(err)
	if status >= http.StatusInternalServerError && body.Summary == nil {
		s.log.ErrorContext(c.Request.Context(), "request failed",
			"method", c.Request.Method, "path", c.Request.URL.Path, "status", status, "error", err)
	}
	writeJSON(c, status, body)
}

// describe is the status and the envelope for err.
func describe(err error) (int, apigen.Error) {
	var known *task.Error
	if errors.Is(err, context.DeadlineExceeded) && !errors.As(err, &known) {
		err = task.Wrap(task.CodeDatabaseUnavailable, err, "数据库没有及时回答，请稍后再试，或检查 PostgreSQL 是否繁忙")
	}
	code := task.CodeOf(err)
	body := apigen.Error{Error: task.MessageOf(err), ErrorType: string(code)}
	var run *runError
	if errors.As(err, &run) {
		body.RecordID, body.Summary = &run.recordID, run.summary
		if run.summary != nil {
			return statusOfRun(code), body
		}
	}
	return statusOf(code), body
}

// writeJSON answers body and ends the chain.
func writeJSON(c *gin.Context, status int, body any) {
	c.Abort()
	text, err := json.Marshal(body)
	if err != nil {
		c.Status(http.StatusInternalServerError)
		return
	}
	c.Data(status, "application/json", append(text, '\n'))
}
