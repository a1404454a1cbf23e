package guanke

import (
	"context"
	"sync"
)

// tokens keeps the token that all calls share. Those that need a new one at
// the same time wait for one and the same request, which ends early only when
// nobody waits for it any more.
type tokens struct {
	fetch func(context.Context) (string, error)

	mu      sync.Mutex
	current string
	flight  *tokenFlight
}

type tokenFlight struct {
	done    chan struct{}
	cancel  context.CancelFunc
	waiters int
	token   string
	err     error
}

// known is the current token, "" if there is none.
func (t *tokens) known() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.current
}

// get answers a token other than stale, the one that the source has just
// refused ("" if none): the current one where somebody has already replaced
// it, otherwise a new one.
func (t *tokens) get(ctx context.Context, stale string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	t.mu.Lock()
	if t.current != "" && t.current != stale {
		defer t.mu.Unlock()
		return t.current, nil
	}
	flight := t.flight
	if flight == nil {
		flight = t.take(ctx)
	}
	flight.waiters++
	t.mu.Unlock()

	select {
	case <-flight.done:
		return flight.token, flight.err
	case <-ctx.Done():
		t.leave(flight)
		return "", ctx.Err()
	}
}

// take starts a flight. The lock is held.
func (t *tokens) take(ctx context.Context) *tokenFlight {
	// The request serves all waiters, so it must outlive the first one's
	// context.
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	flight := &tokenFlight{done: make(chan struct{}), cancel: cancel}
	t.flight = flight
	go func() {
		defer cancel()
		token, err := t.fetch(ctx)
		t.mu.Lock()
		defer t.mu.Unlock()
		flight.token, flight.err = token, err
		if err == nil {
			t.current = token
		}
		if t.flight == flight {
			t.flight = nil
		}
		close(flight.done)
	}()
	return flight
}

// leave takes one waiter off; the last one ends the flight and sees it end.
func (t *tokens) leave(flight *tokenFlight) {
	t.mu.Lock()
	flight.waiters--
	last := flight.waiters == 0
	if last && t.flight == flight {
		t.flight = nil
	}
	t.mu.Unlock()
	if last {
		flight.cancel()
		<-flight.done
	}
}
