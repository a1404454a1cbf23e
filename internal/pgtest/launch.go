package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tasksync/internal/dev/checkout"
	"tasksync/internal/dev/postgres"
	"tasksync/internal/dev/tether"
)

// launch makes a server in a temporary folder that goes when this process
// does, and answers the address of its database postgres.
func launch(fsync bool) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	root, err := checkout.Root()
	if err != nil {
		return "", err
	}
	found, err := postgres.Find(ctx, root)
	if err != nil {
		return "", err
	}
	account, err := postgres.Unprivileged()
	if err != nil {
		return "", err
	}
	installation, err := found[0].Place(ctx, account)
	if err != nil {
		return "", err
	}
	dir, err := folder(account)
	if err != nil {
		return "", err
	}
	s := postgres.Server{
		Installation: installation, Account: account,
		Data: filepath.Join(dir, "data"), Password: postgres.NewPassword(),
		Settings: map[string]string{"max_connections": "300"},
	}
	if !fsync {
		s.Settings["fsync"] = "off"
		s.Settings["synchronous_commit"] = "off"
		s.Settings["full_page_writes"] = "off"
	}
	if err := s.Init(ctx, false); err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	// The port is free when it is chosen, and may be taken a moment later.
	for range 5 {
		if s.Port, err = freePort(); err != nil {
			break
		}
		if err = run(ctx, s, dir); err == nil {
			return s.URL("postgres"), nil
		}
	}
	return "", errors.Join(err, os.RemoveAll(dir))
}

func run(ctx context.Context, s postgres.Server, dir string) error {
	log := filepath.Join(dir, "server.log")
	process, err := tether.Start(tether.Spec{
		Path: s.Installation.Path("postgres"), Args: s.Args(), Env: postgres.Environ(),
		Dir: dir, Signal: "QUIT", Credential: s.Account.Credential(), Log: log,
	})
	if err != nil {
		return err
	}
	for {
		if err = postgres.Ping(ctx, s.URL("postgres")); err == nil {
			return nil
		}
		select {
		case <-process.Done():
			text, _ := os.ReadFile(log)
			return fmt.Errorf("PostgreSQL ended at once: %w: %s", process.Err(), strings.TrimSpace(string(text)))
		case <-ctx.Done():
			text, _ := os.ReadFile(log)
			process.Stop()
			return fmt.Errorf("PostgreSQL did not answer: %w: %s", err, strings.TrimSpace(string(text)))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// folder makes a temporary folder that the account owns and reaches.
func folder(account postgres.Account) (string, error) {
	base := os.TempDir()
	if !account.Reaches(base) {
		base = "/tmp"
	}
	dir, err := os.MkdirTemp(base, "tasksync-pgtest-")
	if err != nil {
		return "", err
	}
	return dir, account.Own(dir)
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
