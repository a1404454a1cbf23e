package db

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"tasksync/db/dbsqlc"
	"tasksync/task"
)

// Config says how to reach the database.
type Config struct {
	// URL is a PostgreSQL connection string.
	URL string
	// MaxConns bounds the pool; 0 means 10.
	MaxConns int
	// WarmConns are opened before they are needed, so that a run's first batches
	// need not wait for them; 0 by default.
	WarmConns int
	// Worker is for the store of a worker. Plans stay on the indexes: its
	// statements look tasks up by key, and a plan that was prepared while the table
	// was empty would go on scanning the table when it is full. And its statements
	// see what they waited for, whatever isolation the server was set to.
	Worker bool
}

// Store reads and writes tasksync's tables. It is safe for concurrent use.
type Store struct {
	pool *pgxpool.Pool
	q    *dbsqlc.Queries
}

// Open makes a store. It does not connect yet: a database that is away shows
// in the first call, as task.CodeDatabaseUnavailable.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	pc, err := pgxpool.ParseConfig(cfg.URL)
	if err != nil {
		// The cause repeats the URL, which holds a password.
		return nil, task.Errorf(task.CodeInvalidArgument, "DATABASE_URL 不是有效的 PostgreSQL 连接串，应为 postgres://用户:密码@主机:端口/库名")
	}
	pc.MaxConns = int32(cfg.MaxConns)
	if pc.MaxConns == 0 {
		pc.MaxConns = 10
	}
	pc.ConnConfig.ConnectTimeout = 5 * time.Second
	pc.ConnConfig.RuntimeParams["application_name"] = "tasksync"
	pc.MinConns = int32(cfg.WarmConns)
	if cfg.Worker {
		pc.ConnConfig.RuntimeParams["enable_seqscan"] = "off"
		pc.ConnConfig.RuntimeParams["default_transaction_isolation"] = "read committed"
	}
	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return nil, translate(ctx, err)
	}
	return &Store{pool: pool, q: dbsqlc.New(pool)}, nil
}

// Close waits for the connections in use and closes the pool.
func (s *Store) Close() { s.pool.Close() }

// Ping asks the database whether it is there and migrated: with
// task.CodeDatabaseUnavailable it is not. A schema that is newer than this
// version is none of its business.
func (s *Store) Ping(ctx context.Context) error {
	var version int64
	err := s.pool.QueryRow(ctx, "SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied").Scan(&version)
	if err != nil {
		return translate(ctx, err)
	}
	if want := newestMigration(); version < want {
		return outdated(fmt.Errorf("the schema has version %d, and %d is needed", version, want))
	}
	return nil
}

// inTx runs f in one transaction, which is rolled back if f fails. Each statement
// sees what was committed before it, so that one behind a lock sees what it
// waited for. A transaction that a deadlock ended is done again.
func (s *Store) inTx(ctx context.Context, f func(q *dbsqlc.Queries) error) (err error) {
	for range conflictTries {
		err = pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.ReadCommitted}, func(tx pgx.Tx) error { return f(s.q.WithTx(tx)) })
		if !isConflict(err) {
			break
		}
	}
	return translate(ctx, err)
}
