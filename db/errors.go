package db

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"tasksync/task"
)

// translate turns an error of pgx into a task.Error: CodeNotFound for no rows,
// CodeRecordClosed for a write to a record that is not running,
// CodeDatabaseUnavailable for losses of our own infrastructure and for a schema
// that is not migrated yet, CodeInternal for the rest. The end of ctx stays what it is.
func translate(ctx context.Context, err error) error {
	var already *task.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &already):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case isClosed(err):
		return recordClosed(err)
	case errors.Is(err, pgx.ErrNoRows):
		return task.Wrap(task.CodeNotFound, err, "没有找到")
	case isOutdated(err):
		return outdated(err)
	case isUnavailable(err):
		return task.Wrap(task.CodeDatabaseUnavailable, err, "数据库暂时不可用，请检查 PostgreSQL 是否在运行")
	}
	return task.Wrap(task.CodeInternal, err, "数据库拒绝了操作")
}

// isUnavailable reports whether err says that the database is away or has no
// room, rather than that it refused the statement: SQLSTATE classes 08
// (connection), 53 (resources), 57P (shutdown), 25006 (read-only, as after a
// failover) and errors of the network.
func isUnavailable(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return strings.HasPrefix(pg.Code, "08") || strings.HasPrefix(pg.Code, "53") || strings.HasPrefix(pg.Code, "57P") || pg.Code == "25006"
	}
	var (
		connect *pgconn.ConnectError
		network net.Error
	)
	return errors.As(err, &connect) || errors.As(err, &network) || pgconn.SafeToRetry(err) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		strings.Contains(err.Error(), "conn closed")
}

// isOutdated reports that the schema lacks a table, a column or a function that
// this version needs.
func isOutdated(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "42P01" || pg.Code == "42703" || pg.Code == "42883")
}

func recordClosed(cause error) error {
	return task.Wrap(task.CodeRecordClosed, cause, "同步记录已结束，不再写入")
}

func outdated(cause error) error {
	return task.Wrap(task.CodeDatabaseUnavailable, cause, "数据库结构还不是本版本的：请先运行 tasksync migrate")
}

// isConflict reports a deadlock or a serialization failure: the same statement
// may succeed at once.
func isConflict(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01")
}

// isClosed reports that require_running found the record not running.
func isClosed(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "TS001"
}

// isOutcomeExists reports that another executor committed the same batch.
func isOutcomeExists(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "23505" && pg.ConstraintName == "sync_batches_pkey"
}

// isTaskExists reports that a batch of new tasks met one that is stored.
func isTaskExists(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "23505" && pg.ConstraintName == "tasks_pkey"
}

// isBadData reports that the database refused a row's content: SQLSTATE
// classes 22 (data), 23 (constraints) and 54 (limits).
func isBadData(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && !isOutcomeExists(err) &&
		(strings.HasPrefix(pg.Code, "22") || strings.HasPrefix(pg.Code, "23") || strings.HasPrefix(pg.Code, "54"))
}

// refusal is what people read about a row that the database refused. It holds
// the database's own message, which names the rule but not a secret.
func refusal(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return "数据库拒绝保存：" + pg.Message
	}
	return "数据库拒绝保存"
}
