package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Superuser is the role that Init makes.
const Superuser = "tasksync"

// Server is a database folder and the way to run a server on it.
type Server struct {
	Installation Installation
	Account      Account
	// Data is the database folder; it belongs to the account, with mode 0700.
	Data     string
	Port     int
	Password string
	// Settings are parameters of the server beside those that every server of
	// ours has.
	Settings map[string]string
}

// NewPassword makes a random password.
func NewPassword() string { return rand.Text() }

// MajorOf is the major version that made the database folder, 0 if there is no
// database in it.
func MajorOf(data string) (int, error) {
	text, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("%s: %w", filepath.Join(data, "PG_VERSION"), err)
	}
	return major, nil
}

// Init makes the database folder, which must be absent or empty, with the
// server's password. sync says whether it waits until the folder is on disk. The folder is made
// under a temporary name and renamed, so that an interrupted start leaves no
// half of one.
func (s Server) Init(ctx context.Context, sync bool) error {
	parent := filepath.Dir(s.Data)
	work, err := os.MkdirTemp(parent, ".initdb-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := s.Account.Own(work); err != nil {
		return err
	}
	password := filepath.Join(work, "password")
	if err := os.WriteFile(password, []byte(s.Password+"\n"), 0o600); err != nil {
		return err
	}
	if err := s.Account.Own(password); err != nil {
		return err
	}
	data := filepath.Join(work, "data")
	args := []string{
		"--pgdata=" + data, "--username=" + Superuser, "--pwfile=" + password,
		"--auth=scram-sha-256", "--encoding=UTF8", "--no-instructions",
	}
	args = append(args, localeFlags(s.Installation.Major)...)
	if !sync {
		args = append(args, "--no-sync")
	}
	cmd := s.command(ctx, "initdb", args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, strings.TrimSpace(string(out)))
	}
	if err := os.Remove(s.Data); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.Rename(data, s.Data)
}

// localeFlags choose a locale in which Chinese letters are letters (pg_trgm
// needs that) and which sorts by code point everywhere. Versions before 17
// have no builtin provider.
func localeFlags(major int) []string {
	libc := "C.UTF-8"
	if runtime.GOOS == "darwin" {
		libc = "en_US.UTF-8"
	}
	if major < 17 {
		return []string{"--locale=" + libc}
	}
	return []string{"--locale=" + libc, "--locale-provider=builtin", "--builtin-locale=C.UTF-8"}
}

// SetPassword gives the superuser the server's password while no server runs:
// for a folder whose password file was lost.
func (s Server) SetPassword(ctx context.Context) error {
	cmd := s.command(ctx, "postgres", "--single", "-D", s.Data, "postgres")
	cmd.Stdin = strings.NewReader("ALTER ROLE " + Superuser + " PASSWORD '" + s.Password + "'\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("postgres --single: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

func (s Server) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.Installation.Path(program), args...)
	cmd.Dir = "/"
	cmd.Env = Environ()
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.Account.Credential()}
	return cmd
}

// Environ is this process's environment without the variables by which
// PostgreSQL's programs and the locale would be changed.
func Environ() []string {
	var env []string
	for _, kv := range os.Environ() {
		if strings.HasPrefix(kv, "PG") || strings.HasPrefix(kv, "LC_") || strings.HasPrefix(kv, "LANG") {
			continue
		}
		env = append(env, kv)
	}
	return env
}

// Args are the arguments of `postgres`: loopback only, no Unix socket.
func (s Server) Args() []string {
	args := []string{
		"-D", s.Data, "-p", strconv.Itoa(s.Port),
		"-c", "listen_addresses=127.0.0.1",
		"-c", "unix_socket_directories=",
	}
	for name, value := range s.Settings {
		args = append(args, "-c", name+"="+value)
	}
	return args
}

// URL is the address of one of the server's databases, password included.
func (s Server) URL(database string) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(Superuser, s.Password),
		Host:     "127.0.0.1:" + strconv.Itoa(s.Port),
		Path:     "/" + database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Ping connects to the database once and leaves again.
func Ping(ctx context.Context, databaseURL string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, databaseURL)
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// EnsureDatabase makes the database if it is not there. adminURL is the
// address of another database of the same server.
func EnsureDatabase(ctx context.Context, adminURL, name string) error {
	conn, err := pgx.Connect(ctx, adminURL)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	var there bool
	err = conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&there)
	if err != nil || there {
		return err
	}
	_, err = conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize())
	return err
}
