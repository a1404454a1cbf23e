// Package pgtest gives each test a PostgreSQL database of its own.
//
// A test process starts one server, at its first New, and the server ends with
// the process, however that ends. It is found as `tasksync dev` finds it: the
// pinned npm package, else the machine's own binaries, 15 or newer. Where none
// is found the test fails and the message says what to install; no test is
// skipped. TASKSYNC_TEST_DATABASE_URL names a running server to use in its
// place; its role must be allowed to create databases.
package pgtest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// URLVariable is the environment variable with the address of a server to use
// instead of one that the test process starts.
const URLVariable = "TASKSYNC_TEST_DATABASE_URL"

type options struct {
	fsync    bool
	own      *Server
	template string
	prepare  func(url string) error
}

// Option changes what New answers.
type Option func(*options)

// WithTemplate makes the database a copy of a template, which prepare fills
// once per process and name, such as by the migrations. prepare must close its
// connections before it returns.
func WithTemplate(name string, prepare func(url string) error) Option {
	return func(o *options) { o.template, o.prepare = name, prepare }
}

// WithFsync puts the database on a server that waits for the disk, as
// production does; the default one does not. With TASKSYNC_TEST_DATABASE_URL
// it changes nothing.
func WithFsync() Option {
	return func(o *options) { o.fsync = true }
}

var (
	servers = map[bool]*server{false: {}, true: {fsync: true}}
	number  atomic.Int64
)

// New answers the URL of a fresh, empty database (or a copy of the template),
// which is dropped when the test ends, even if connections to it are open.
func New(t testing.TB, opts ...Option) string {
	t.Helper()
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	s := servers[o.fsync]
	if o.own != nil {
		s = &o.own.databases
	}
	if err := s.start(); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	name := fmt.Sprintf("test_%d_%d", os.Getpid(), number.Add(1))
	template := ""
	if o.template != "" {
		var err error
		if template, err = s.template(o.template, o.prepare); err != nil {
			t.Fatalf("pgtest: template %s: %v", o.template, err)
		}
	}
	if err := s.create(name, template); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	if o.own == nil {
		t.Cleanup(func() {
			if err := s.drop(name); err != nil {
				t.Errorf("pgtest: %v", err)
			}
		})
	}
	return s.databaseURL(name)
}

// server is a server and the templates on it.
type server struct {
	fsync bool

	once     sync.Once
	err      error
	adminURL string

	mu        sync.Mutex
	templates map[string]*template
}

type template struct {
	once sync.Once
	err  error
	name string
}

func (s *server) start() error {
	s.once.Do(func() {
		if s.adminURL = os.Getenv(URLVariable); s.adminURL != "" {
			return
		}
		s.adminURL, s.err = launch(s.fsync)
	})
	return s.err
}

func (s *server) template(name string, prepare func(string) error) (string, error) {
	s.mu.Lock()
	if s.templates == nil {
		s.templates = map[string]*template{}
	}
	t := s.templates[name]
	if t == nil {
		t = &template{name: fmt.Sprintf("template_%d_%d", os.Getpid(), number.Add(1))}
		s.templates[name] = t
	}
	s.mu.Unlock()
	t.once.Do(func() {
		if t.err = s.create(t.name, ""); t.err == nil {
			t.err = prepare(s.databaseURL(t.name))
		}
	})
	return t.name, t.err
}

// create tries for a while: PostgreSQL refuses to copy a template that has
// connections, and a closed connection is there for a moment still.
func (s *server) create(name, template string) error {
	stmt := "CREATE DATABASE " + pgx.Identifier{name}.Sanitize()
	if template != "" {
		stmt += " TEMPLATE " + pgx.Identifier{template}.Sanitize()
	}
	var err error
	for range 50 {
		if err = s.exec(stmt); err == nil || !strings.Contains(err.Error(), "55006") {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	return err
}

func (s *server) drop(name string) error {
	return s.exec("DROP DATABASE IF EXISTS " + pgx.Identifier{name}.Sanitize() + " WITH (FORCE)")
}

func (s *server) exec(stmt string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.adminURL)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, stmt); err != nil {
		return fmt.Errorf("%s: %w", stmt, err)
	}
	return nil
}

func (s *server) databaseURL(name string) string {
	u, err := url.Parse(s.adminURL)
	if err != nil {
		// The administrator's connection was made with the same text.
		panic(err)
	}
	u.Path = "/" + name
	return u.String()
}
