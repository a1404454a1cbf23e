package pgtest

import (
	"context"
	"errors"
	"fmt"
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
	ctx, cancel := context.WithTimeout(context.Background(), launchTimeout)
	defer cancel()
	settings := map[string]string{"max_connections": "300"}
	if !fsync {
		settings["fsync"] = "off"
		settings["synchronous_commit"] = "off"
		settings["full_page_writes"] = "off"
	}
	s, dir, err := initialize(ctx, settings)
	if err != nil {
		return "", err
	}
	// The port is free when it is chosen, and may be taken a moment later.
	for range 5 {
		if s.Port, err = tether.FreePort(); err != nil {
			break
		}
		if _, err = run(ctx, s, dir); err == nil {
			return s.URL("postgres"), nil
		}
	}
	return "", errors.Join(err, os.RemoveAll(dir))
}

const launchTimeout = 2 * time.Minute

// initialize makes a temporary folder with a database folder in it.
func initialize(ctx context.Context, settings map[string]string) (s postgres.Server, dir string, err error) {
	root, err := checkout.Root()
	if err != nil {
		return s, "", err
	}
	found, err := postgres.Find(ctx, root)
	if err != nil {
		return s, "", err
	}
	account, err := postgres.Unprivileged()
	if err != nil {
		return s, "", err
	}
	installation, err := found[0].Place(ctx, account)
	if err != nil {
		return s, "", err
	}
	if dir, err = folder(account); err != nil {
		return s, "", err
	}
	s = postgres.Server{
		Installation: installation, Account: account,
		Data: filepath.Join(dir, "data"), Password: postgres.NewPassword(), Settings: settings,
	}
	if err := s.Init(ctx, false); err != nil {
		return s, "", errors.Join(err, os.RemoveAll(dir))
	}
	return s, dir, nil
}

// run starts the server and waits until it answers. When the server is ended
// through its process, dir goes with it.
func run(ctx context.Context, s postgres.Server, dir string) (*tether.Process, error) {
	log := filepath.Join(dir, "server.log")
	process, err := tether.Start(tether.Spec{
		Path: s.Installation.Path("postgres"), Args: s.Args(), Env: postgres.Environ(),
		Dir: dir, Signal: "QUIT", Credential: s.Account.Credential(), Log: log,
	})
	if err != nil {
		return nil, err
	}
	for {
		if err = postgres.Ping(ctx, s.URL("postgres")); err == nil {
			return process, nil
		}
		select {
		case <-process.Done():
			text, _ := os.ReadFile(log)
			return nil, fmt.Errorf("PostgreSQL ended at once: %w: %s", process.Err(), strings.TrimSpace(string(text)))
		case <-ctx.Done():
			text, _ := os.ReadFile(log)
			process.Stop()
			return nil, fmt.Errorf("PostgreSQL did not answer: %w: %s", err, strings.TrimSpace(string(text)))
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
