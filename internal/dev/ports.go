package dev

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
	"time"
)

// listener is a port that a child of ours will open.
type listener struct {
	what, setting string
	host          string
	port          int
	// withHost says that the setting is host:port.
	withHost bool
}

// checkPorts names every port that is taken, with the setting that moves it.
// After a crash it waits a little: the kernel closes the ports of a process a
// moment after the process is gone.
func (r *run) checkPorts(ctx context.Context) error {
	wanted, err := r.listeners()
	if err != nil {
		return err
	}
	err = taken(ctx, wanted)
	for range 100 {
		if err == nil || !r.crashed || ctx.Err() != nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
		err = taken(ctx, wanted)
	}
	return err
}

func taken(ctx context.Context, wanted []listener) error {
	used := map[int]bool{}
	for _, l := range wanted {
		used[l.port] = true
	}
	var all []error
	for _, l := range wanted {
		if free(ctx, l.host, l.port) {
			continue
		}
		other := l.port + 1
		for other < 65535 && (used[other] || !free(ctx, l.host, other)) {
			other++
		}
		used[other] = true
		value := strconv.Itoa(other)
		if l.withHost {
			value = net.JoinHostPort(l.host, value)
		}
		all = append(all, fmt.Errorf("端口 %d 已被占用（%s），用 %s=%s make run 换一个", l.port, l.what, l.setting, value))
	}
	return errors.Join(all...)
}

func (r *run) listeners() ([]listener, error) {
	c := r.Config
	var all []listener
	if c.DatabaseURL == "" {
		all = append(all, listener{"PostgreSQL", "TASKSYNC_PG_PORT", "127.0.0.1", c.PGPort, false})
	}
	if !c.TemporalExternal() {
		all = append(all,
			listener{"Temporal", "TASKSYNC_TEMPORAL_PORT", "127.0.0.1", c.TemporalPort, false},
			listener{"Temporal Web UI", "TASKSYNC_TEMPORAL_UI_PORT", "127.0.0.1", c.TemporalUIPort, false})
	}
	addrs := []listener{{what: "API", setting: "TASKSYNC_HTTP_ADDR", host: c.HTTPAddr}}
	if c.GuankeBaseURL == "" {
		addrs = append(addrs, listener{what: "模拟冠客", setting: "TASKSYNC_SIM_ADDR", host: c.SimAddr})
	}
	for _, l := range addrs {
		if _, err := urlOf(l.host); err != nil {
			return nil, err
		}
		host, port, err := net.SplitHostPort(l.host)
		if err != nil {
			return nil, err
		}
		l.host, l.withHost = host, true
		if l.port, err = strconv.Atoi(port); err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	return all, nil
}

// free reports whether the port can be opened. Any other failure than a taken
// port is left for the child to report.
func free(ctx context.Context, host string, port int) bool {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return !errors.Is(err, syscall.EADDRINUSE)
	}
	l.Close()
	return true
}
