// Package temporaltest gives tests the real Temporal development server.
//
// A test process starts one server, at its first Start, and the server ends
// with the process, however that ends. Its binary is bin/temporal of the
// checkout or the one on the PATH; where neither is there the test fails and
// the message names the command that builds it.
package temporaltest

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"google.golang.org/protobuf/types/known/durationpb"

	"tasksync/internal/dev/checkout"
	"tasksync/internal/dev/temporal"
	"tasksync/internal/dev/tether"
)

// Server is the process's server, or a test's own.
type Server struct {
	// Address is host:port of the frontend.
	Address string
	// Bin is the path of the temporal command.
	Bin string

	admin client.Client
	own   *ownServer
}

var (
	once    sync.Once
	shared  *Server
	failure error
	number  atomic.Int64
)

// Start answers the server of this process and starts it at the first call.
func Start(t testing.TB) *Server {
	t.Helper()
	once.Do(func() { shared, failure = launch() })
	if failure != nil {
		t.Fatalf("temporaltest: %v", failure)
	}
	return shared
}

// Options are client options for the namespace; "" means the default one. The
// client's log is discarded.
func (s *Server) Options(namespace string) client.Options {
	if namespace == "" {
		namespace = temporal.Namespace
	}
	return client.Options{
		HostPort:  s.Address,
		Namespace: namespace,
		Logger:    log.NewStructuredLogger(slog.New(slog.NewTextHandler(io.Discard, nil))),
	}
}

// Client connects to the namespace; "" means the default one. The connection
// is closed when the test ends.
func (s *Server) Client(t testing.TB, namespace string) client.Client {
	t.Helper()
	c, err := client.DialContext(context.Background(), s.Options(namespace))
	if err != nil {
		t.Fatalf("temporaltest: connect to %s: %v", s.Address, err)
	}
	t.Cleanup(c.Close)
	return c
}

// TaskQueue is a name that no other test of this process has.
func (s *Server) TaskQueue() string {
	return fmt.Sprintf("queue-%d", number.Add(1))
}

// Namespace makes a namespace of the test's own, with the project's search
// attributes. Tests of workflows with fixed IDs need one to run in parallel.
func (s *Server) Namespace(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("test-%d", number.Add(1))
	if err := s.register(name); err != nil {
		t.Fatalf("temporaltest: namespace %s: %v", name, err)
	}
	return name
}

func (s *Server) register(name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, err := s.admin.WorkflowService().RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
		Namespace:                        name,
		WorkflowExecutionRetentionPeriod: durationpb.New(72 * time.Hour),
	})
	if err != nil {
		return err
	}
	attributes := map[string]enumspb.IndexedValueType{}
	for _, a := range temporal.SearchAttributes {
		kind, err := enumspb.IndexedValueTypeFromString(a.Type)
		if err != nil {
			return err
		}
		attributes[a.Name] = kind
	}
	// A namespace is known to all parts of the server a moment after it was
	// registered.
	return until(ctx, func() error {
		_, err := s.admin.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
			Namespace: name, SearchAttributes: attributes,
		})
		if err != nil {
			return err
		}
		_, err = s.admin.WorkflowService().CountWorkflowExecutions(ctx, &workflowservice.CountWorkflowExecutionsRequest{
			Namespace: name, Query: "SyncRecordId = 1 AND SyncType = 'x'",
		})
		return err
	})
}

func until(ctx context.Context, try func() error) error {
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func launch() (*Server, error) {
	root, err := checkout.Root()
	if err != nil {
		return nil, err
	}
	bin, err := temporal.Find(root)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "tasksync-temporaltest-")
	if err != nil {
		return nil, err
	}
	// The port is free when it is chosen, and may be taken a moment later.
	for range 5 {
		var s *Server
		if s, err = run(bin, dir); err == nil {
			return s, nil
		}
	}
	os.RemoveAll(dir)
	return nil, err
}

func run(bin, dir string) (*Server, error) {
	port, err := tether.FreePort()
	if err != nil {
		return nil, err
	}
	s := &Server{Address: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), Bin: bin}
	_, err = s.serve(temporal.Server{Port: port}, dir)
	return s, err
}

// serve starts the server and waits until it answers. When the process is
// stopped, that is by SIGKILL, and dir goes with it.
func (s *Server) serve(server temporal.Server, dir string) (*tether.Process, error) {
	output := filepath.Join(dir, "server.log")
	process, err := tether.Start(tether.Spec{
		Path: s.Bin, Args: server.Args(), Env: os.Environ(),
		Dir: dir, Signal: "KILL", Log: output,
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	go func() {
		select {
		case <-process.Done():
			cancel()
		case <-ctx.Done():
		}
	}()
	err = until(ctx, func() error {
		admin, err := client.DialContext(ctx, s.Options(""))
		if err == nil && s.admin == nil {
			s.admin = admin
		} else if err == nil {
			admin.Close()
		}
		return err
	})
	if err != nil {
		text, _ := os.ReadFile(output)
		process.Stop()
		return nil, fmt.Errorf("the Temporal server did not start: %w: %s", err, strings.TrimSpace(string(text)))
	}
	return process, nil
}
