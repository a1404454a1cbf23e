package guanke

import (
	"context"
	"sync"
	"time"

	"tasksync/guanke/mask"
)

// tokens keeps the token that all calls share, until shortly before it ends if
// the source said when. Those that need a new one at
// the same time wait for one and the same request, which ends early only when
// nobody waits for it any more.
type tokens struct {
	// fetch answers a new token and how long it is good; 0 is not known.
	fetch func(context.Context) (string, time.Duration, error)

	mu      sync.Mutex
	current string
	// before is the token that current has replaced; requests with it may
	// still be under way.
	before string
	// until is when a new one is due; zero is never.
	until  time.Time
	flight *tokenFlight
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

// hide is text without the tokens.
func (t *tokens) hide(text string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return mask.Replacer(stars, t.current, t.before).Replace(text)
}

// get answers a token other than stale, the one that the source has just
// refused ("" if none): the current one where somebody has already replaced
// it, otherwise a new one.
func (t *tokens) get(ctx context.Context, stale string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	t.mu.Lock()
	if t.current != "" && t.current != stale && (t.until.IsZero() || time.Now().Before(t.until)) {
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
		asked := time.Now()
		token, lifetime, err := t.fetch(ctx)
		t.mu.Lock()
		defer t.mu.Unlock()
		flight.token, flight.err = token, err
		if err == nil {
			t.keep(token, lifetime, asked)
		}
		if t.flight == flight {
			t.flight = nil
		}
		close(flight.done)
	}()
	return flight
}

// put makes token the current one.
func (t *tokens) put(token string, lifetime time.Duration, asked time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.keep(token, lifetime, asked)
}

// keep is put with the lock held.
func (t *tokens) keep(token string, lifetime time.Duration, asked time.Time) {
	if token != t.current {
		t.before = t.current
	}
	t.current, t.until = token, time.Time{}
	if lifetime > 0 {
		t.until = asked.Add(lifetime - min(lifetime/10, time.Minute))
	}
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
