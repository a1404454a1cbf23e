package chaos_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tasksync/task"
)

// holdNothingLeft holds the system to its rest: no record and no execution is
// open, no session is left over, no process has ended by itself, and the days
// are rolled up.
func (e *episode) holdNothingLeft() error {
	for _, t := range task.SyncTypes {
		if err := e.until("the end of all executions", func() (bool, error) {
			open, err := e.open(t)
			return open == 0, err
		}); err != nil {
			e.fail(running, "%s: %v", t, err)
		}
	}
	if err := e.until("the end of all records", func() (bool, error) {
		n, err := one[int](e.lane, "SELECT count(*) FROM sync_records WHERE status = 'running'")
		return n == 0, err
	}); err != nil {
		e.fail(running, "records: %v", err)
	}
	if names := e.ended(); len(names) > 0 {
		e.fail(other, "ended by themselves: %v", names)
	}
	var gone []string
	for name := range e.gone {
		gone = append(gone, name)
	}
	// A session that does nothing for us: of a killed process, or with a
	// transaction that nobody ends.
	const left = `SELECT application_name, coalesce(state, ''), coalesce(left(query, 200), '') FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid()
		AND (application_name = ANY($1) OR state LIKE 'idle in transaction%')`
	type session struct{ Application, State, Query string }
	var sessions []session
	if err := e.until("the end of left sessions", func() (bool, error) {
		var err error
		sessions, err = ask[session](e.lane, left, gone)
		return len(sessions) == 0, err
	}); err != nil {
		e.fail(leaked, "sessions: %+v: %v", sessions, err)
	}
	return e.holdDays()
}

// holdDays holds the statistics of the days to the records.
func (e *episode) holdDays() error {
	type day struct {
		Type       string
		Runs       int
		Total, New int
	}
	kept, err := ask[day](e.lane, `SELECT sync_type, sum(runs_success + runs_partial + runs_failed + runs_canceled), sum(tasks_total), sum(tasks_new)
		FROM sync_daily GROUP BY 1 ORDER BY 1`)
	if err != nil {
		return err
	}
	want, err := ask[day](e.lane, "SELECT sync_type, count(*), sum(tasks_total), sum(tasks_new) FROM sync_records GROUP BY 1 ORDER BY 1")
	if fmt.Sprint(kept) != fmt.Sprint(want) {
		e.fail(counts, "the days have %+v, the records %+v", kept, want)
	}
	return err
}

// places are where a lane listens, to be found closed when it has ended.
func (l *lane) places() (addresses []string) {
	for _, address := range []string{l.s.SimURL, l.s.APIURL, l.s.DatabaseURL} {
		u, err := url.Parse(address)
		require.NoError(l.t, err)
		addresses = append(addresses, u.Host)
	}
	return append(addresses, l.s.Server.Address)
}

// requireNothingLeft holds an ended lane to have left no process and no port.
func requireNothingLeft(t *testing.T, pids []int, addresses []string) {
	t.Helper()
	for _, pid := range pids {
		require.ErrorIs(t, syscall.Kill(pid, 0), syscall.ESRCH, "process %d is left", pid)
	}
	for _, address := range addresses {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		cancel()
		if err == nil {
			conn.Close()
		}
		require.Error(t, err, "%s still listens", strings.TrimSpace(address))
	}
	// The connections that this process keeps for the next request.
	http.DefaultClient.CloseIdleConnections()
}
