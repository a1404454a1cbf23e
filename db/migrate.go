package db

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"tasksync/task"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate brings the schema up to date and answers how many migrations it
// applied. Several processes may call it at once: a session lock lets one at a
// time do the work.
func Migrate(ctx context.Context, url string) (applied int, err error) {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return 0, task.Errorf(task.CodeInvalidArgument, "DATABASE_URL 不是有效的 PostgreSQL 连接串，应为 postgres://用户:密码@主机:端口/库名")
	}
	sqlDB := stdlib.OpenDB(*cfg)
	defer func() { err = firstError(err, sqlDB.Close()) }()
	provider, err := newProvider(sqlDB)
	if err != nil {
		return 0, err
	}
	results, err := provider.Up(ctx)
	if err != nil {
		return 0, translate(ctx, fmt.Errorf("migrate: %w", err))
	}
	return len(results), nil
}

func newProvider(sqlDB *sql.DB) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("open migrations: %w", err)
	}
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return nil, fmt.Errorf("make migration lock: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, sqlDB, files, goose.WithSessionLocker(locker))
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	return provider, nil
}

// newestMigration is the version that the schema has after Migrate.
var newestMigration = sync.OnceValue(func() int64 {
	var newest int64
	files, err := fs.Glob(migrations, "migrations/*.sql")
	for _, file := range files {
		var version int64
		if version, err = goose.NumericComponent(file); err != nil {
			break
		}
		newest = max(newest, version)
	}
	if err != nil {
		// The files are part of the program, and Migrate reads them likewise.
		panic(err)
	}
	return newest
})

func firstError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}
