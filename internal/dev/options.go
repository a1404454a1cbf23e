package dev

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"time"

	"tasksync/internal/config"
	"tasksync/internal/dev/checkout"
	"tasksync/internal/dev/child"
	"tasksync/internal/dev/postgres"
)

// Options say what Run needs.
type Options struct {
	Config config.Config
	// Executable is the tasksync binary whose subcommands simulate, migrate,
	// worker and api are the children; "" is the running one.
	Executable string
	// Root is the checkout with the pinned tools; "" looks for it from the
	// working directory and from the executable.
	Root string
	// Environ is the environment that the children start from; nil is that of
	// this process.
	Environ []string
	// Out is the terminal.
	Out io.Writer
	// Seed fills a database that is used for the first time, before the worker
	// starts; nil does nothing. It is called again if it did not come to its
	// end, and only where the simulator is the source.
	Seed func(context.Context, Services) error
	// StartupLines are the guide's lines on the registered schedules.
	StartupLines func() []string
	// Policy says how often a child that dies is started again.
	Policy child.Policy
	// Home is where the folders of the unprivileged account lie when this
	// process is root; "" is postgres.Home.
	Home string
	// StartTimeout bounds the wait for each child; 0 is 90 s.
	StartTimeout time.Duration
}

// Services are the addresses of what runs.
type Services struct {
	// DatabaseURL holds the password.
	DatabaseURL string
	// TemporalAddress is host:port; TemporalUIURL is "" if the server is not
	// ours.
	TemporalAddress string
	TemporalUIURL   string
	// APIURL and SourceURL have no slash at their end.
	APIURL    string
	SourceURL string
	// Simulated says that the source is the simulator.
	Simulated bool
}

func (o Options) withDefaults() (Options, error) {
	if o.Executable == "" {
		path, err := os.Executable()
		if err != nil {
			return o, err
		}
		o.Executable = path
	}
	if o.Root == "" {
		// Outside a checkout there is no root, and the machine's own tools do.
		o.Root, _ = checkout.Root(".", filepath.Dir(o.Executable))
	}
	if o.Environ == nil {
		o.Environ = os.Environ()
	}
	if o.Out == nil {
		o.Out = io.Discard
	}
	if o.Home == "" {
		o.Home = postgres.Home
	}
	if o.StartTimeout == 0 {
		o.StartTimeout = 90 * time.Second
	}
	return o, nil
}
