package dev

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"tasksync/internal/dev/child"
	"tasksync/internal/dev/postgres"
)

const (
	databaseName = "tasksync"
	// postgresStop is PostgreSQL's fast shutdown: sessions are ended, the data
	// are left clean.
	postgresStop = syscall.SIGINT
)

// startPostgres climbs the ladder: DATABASE_URL, the pinned binaries, the
// machine's own.
func (r *run) startPostgres(ctx context.Context) error {
	if url := r.Config.DatabaseURL.Reveal(); url != "" {
		if err := postgres.Ping(ctx, url); err != nil {
			return fmt.Errorf("连接不上 DATABASE_URL 指定的数据库：%w", err)
		}
		return r.useDatabase(url, "DATABASE_URL 指定的数据库")
	}
	server, err := r.preparePostgres(ctx)
	if err != nil {
		return err
	}
	s := r.spec("postgres")
	s.Path, s.Args, s.Env = server.Installation.Path("postgres"), server.Args(), postgres.Environ()
	s.Dir = "/"
	s.Credential = server.Account.Credential()
	s.Stop, s.Kill = postgresStop, syscall.SIGQUIT
	s.Show = child.Fatal
	admin := server.URL("postgres")
	ready := func(ctx context.Context) error { return postgres.Ping(ctx, admin) }
	if err := r.children.Start(ctx, s, r.StartTimeout, ready); err != nil {
		return err
	}
	if err := postgres.EnsureDatabase(ctx, admin, databaseName); err != nil {
		return fmt.Errorf("建立数据库 %s：%w", databaseName, err)
	}
	origin := "系统自带：" + server.Installation.Bin
	if server.Installation.Embedded {
		origin = "npm 固定版本"
	}
	return r.useDatabase(server.URL(databaseName), fmt.Sprintf("PostgreSQL %d（%s），数据在 %s",
		server.Installation.Major, origin, server.Data))
}

func (r *run) useDatabase(url, what string) error {
	r.services.DatabaseURL, r.postgres = url, what
	r.env["DATABASE_URL"] = url
	return writeSecret(r.Config.DatabaseFile(), url)
}

// preparePostgres finds the binaries and makes the database folder at the
// first start.
func (r *run) preparePostgres(ctx context.Context) (postgres.Server, error) {
	account, err := postgres.Unprivileged()
	if err != nil {
		return postgres.Server{}, err
	}
	data, err := r.postgresFolder(account)
	if err != nil {
		return postgres.Server{}, err
	}
	major, err := postgres.MajorOf(data)
	if err != nil {
		return postgres.Server{}, err
	}
	found, err := postgres.Find(ctx, r.Root)
	if err != nil {
		return postgres.Server{}, err
	}
	installation, err := postgres.Pick(found, major)
	if err != nil {
		return postgres.Server{}, err
	}
	if installation, err = installation.Place(ctx, account); err != nil {
		return postgres.Server{}, err
	}
	s := postgres.Server{Installation: installation, Account: account, Data: data, Port: r.Config.PGPort}
	password, err := os.ReadFile(r.passwordFile())
	s.Password = strings.TrimSpace(string(password))
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return s, err
	case major != 0 && s.Password != "":
		return s, nil
	}
	if s.Password == "" {
		s.Password = postgres.NewPassword()
	}
	if major == 0 {
		err = s.Init(ctx, true)
	} else {
		// The folder is there and its password is lost.
		err = s.SetPassword(ctx)
	}
	if err != nil {
		return s, err
	}
	return s, writeSecret(r.passwordFile(), s.Password)
}

func (r *run) passwordFile() string { return filepath.Join(r.Config.DataDir, "postgres_password") }

// postgresFolder is where the database lies: in the data folder, or, as root,
// in a folder under Home that belongs to this data folder alone,
// because the unprivileged account must be able to reach it.
func (r *run) postgresFolder(account postgres.Account) (string, error) {
	parent := r.Config.DataDir
	if account.Name != "" {
		hash := fnv.New64a()
		hash.Write([]byte(r.Config.DataDir))
		name := filepath.Base(filepath.Dir(r.Config.DataDir))
		parent = filepath.Join(r.Home, fmt.Sprintf("%s-%016x", name, hash.Sum64()))
	}
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", fmt.Errorf("建立 PostgreSQL 的数据目录：%w", err)
	}
	return filepath.Join(parent, "postgres"), nil
}

// writeSecret replaces the file in one step, so that nobody reads half of it.
func writeSecret(path, text string) error {
	temp := path + ".new"
	if err := os.WriteFile(temp, []byte(text+"\n"), 0o600); err != nil {
		return err
	}
	return os.Rename(temp, path)
}
