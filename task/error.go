package task

import (
	"errors"
	"fmt"
	"time"
)

// Code names a kind of failure. It is the error_type of the API and of a
// record, and the type of an activity's application error.
type Code string

// The codes. The API maps each to a status in one place (api/errors.go).
const (
	CodeInvalidArgument Code = "invalid_argument"
	CodeForbiddenOrigin Code = "forbidden_origin"
	CodeNotFound        Code = "not_found"
	CodeLockConflict    Code = "lock_conflict"
	CodeCanceled        Code = "canceled"
	// CodeTerminated is a run that was ended from outside without a chance to
	// close its record.
	CodeTerminated Code = "terminated"
	// CodeDeadline is a run that held the lock longer than the lock time-out.
	CodeDeadline Code = "lock_timeout"
	// CodeRecordClosed refuses a write of a run whose record is not running.
	CodeRecordClosed Code = "record_closed"

	// CodeSourceUnavailable is a passing failure of the source: network, 5xx,
	// 429, a token that expired twice. It is retried.
	CodeSourceUnavailable Code = "source_unavailable"
	// CodeSourceAuth is a refusal of our credentials. It is not retried.
	CodeSourceAuth Code = "source_auth"
	// CodeSourceContract is an answer that the source's contract does not
	// allow. It is not retried.
	CodeSourceContract Code = "source_contract"

	// CodeSourceDrift is a source that told another number of tasks than it
	// gave, however often it was read.
	CodeSourceDrift Code = "source_drift"

	CodeWorkerUnavailable   Code = "worker_unavailable"
	CodeDatabaseUnavailable Code = "database_unavailable"
	CodeTemporalUnavailable Code = "temporal_unavailable"
	CodeInternal            Code = "internal"
)

// Error is a failure that people may read: what it is, in one code, and what
// to do about it, in the language of the users. The cause is for logs only and
// is never sent to a client.
type Error struct {
	Code    Code
	Message string
	// RetryAfter is how long the source asks us to wait; 0 if it did not say.
	RetryAfter time.Duration
	Cause      error
}

// Errorf makes an Error without a cause.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Wrap makes an Error around a cause.
func Wrap(code Code, cause error, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Cause: cause}
}

func (e *Error) Error() string {
	if e.Cause == nil {
		return fmt.Sprintf("%s: %s", e.Code, e.Message)
	}
	return fmt.Sprintf("%s: %s: %v", e.Code, e.Message, e.Cause)
}

func (e *Error) Unwrap() error { return e.Cause }

// CodeOf is the code of the first Error in err's chain, CodeInternal if there
// is none, and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}

// MessageOf is the public message of the first Error in err's chain, and a
// general one where there is none, so that no internal text leaks.
func MessageOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Message
	}
	return "内部错误，请查看日志"
}
