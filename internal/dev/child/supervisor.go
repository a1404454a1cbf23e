package child

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Policy says how often a child that dies is started again.
type Policy struct {
	// Limit is how many times in a row; 0 is 5.
	Limit int
	// Backoff is the wait before the first time, doubled for each further one;
	// 0 is half a second.
	Backoff time.Duration
	// Settled is how long a child must have lived for the count to begin anew;
	// 0 is 5 minutes.
	Settled time.Duration
}

// Supervisor runs children. Its methods may be called from several goroutines.
type Supervisor struct {
	policy Policy
	say    func(line string)
	work   chan func()
	failed chan error
	kill   chan struct{}

	mu       sync.Mutex
	children []*keeper
	steady   bool
	killOnce sync.Once
}

// keeper looks after one child.
type keeper struct {
	spec Spec
	out  *output
	stop chan struct{}
	gone chan struct{}
}

// NewSupervisor makes a Supervisor; say shows a line to the person at the
// terminal.
func NewSupervisor(policy Policy, say func(line string)) *Supervisor {
	if policy.Limit == 0 {
		policy.Limit = 5
	}
	if policy.Backoff == 0 {
		policy.Backoff = 500 * time.Millisecond
	}
	if policy.Settled == 0 {
		policy.Settled = 5 * time.Minute
	}
	s := &Supervisor{
		policy: policy, say: say,
		work: make(chan func()), failed: make(chan error, 1), kill: make(chan struct{}),
	}
	// The kernel ends a child when the thread that started it ends, so one
	// thread starts them all and outlives them.
	go func() {
		runtime.LockOSThread()
		for f := range s.work {
			f()
		}
	}()
	return s
}

func (s *Supervisor) spawn(f func()) {
	done := make(chan struct{})
	s.work <- func() { f(); close(done) }
	<-done
}

// Start starts the child and waits until ready answers nil; a nil ready does
// not wait. The error names the child, its log and its last lines when it dies
// or is not ready within the time.
func (s *Supervisor) Start(ctx context.Context, spec Spec, within time.Duration, ready func(context.Context) error) error {
	spec = spec.withDefaults()
	k := &keeper{spec: spec, stop: make(chan struct{}), gone: make(chan struct{})}
	k.out = newOutput(spec, s.teller(spec))
	p, err := start(spec, k.out, s.spawn)
	if err != nil {
		k.out.close()
		return err
	}
	s.mu.Lock()
	s.children = append(s.children, k)
	s.mu.Unlock()
	go s.keep(k, p)
	if ready != nil {
		if err := s.await(ctx, k, p, within, ready); err != nil {
			return err
		}
	}
	k.out.mute(false)
	return nil
}

func (s *Supervisor) await(ctx context.Context, k *keeper, p *process, within time.Duration, ready func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, within, errLate)
	defer cancel()
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return k.died(p)
		case failure := <-s.failed:
			// Another child died, which this one may be waiting for.
			return failure
		case <-ctx.Done():
			if !errors.Is(context.Cause(ctx), errLate) {
				return context.Cause(ctx)
			}
			return fmt.Errorf("%s 在 %s 内没有就绪：%w\n日志：%s，最后几行：\n%s",
				k.spec.Name, within, err, k.spec.Log, k.out.last())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

var errLate = errors.New("not ready in time")

func (k *keeper) died(p *process) error {
	return fmt.Errorf("%s 意外结束（%s）\n日志：%s，最后几行：\n%s", k.spec.Name, p.how(), k.spec.Log, k.out.last())
}

// Run runs a command that ends by itself, and returns an error with its last
// lines if it fails.
func (s *Supervisor) Run(ctx context.Context, spec Spec) error {
	spec = spec.withDefaults()
	k := &keeper{spec: spec, out: newOutput(spec, s.teller(spec))}
	defer k.out.close()
	p, err := start(spec, k.out, s.spawn)
	if err != nil {
		return err
	}
	select {
	case <-p.done:
		if p.err != nil {
			return k.died(p)
		}
		return nil
	case <-ctx.Done():
		p.end(s.kill)
		return context.Cause(ctx)
	}
}

// Steady ends the time of starting: from now on a child that dies is started
// again; before, it is a failure at once.
func (s *Supervisor) Steady() {
	s.mu.Lock()
	s.steady = true
	s.mu.Unlock()
}

// Failed answers the reason when a child is given up.
func (s *Supervisor) Failed() <-chan error { return s.failed }

func (s *Supervisor) fail(err error) {
	select {
	case s.failed <- err:
	default:
	}
}

// keep restarts the child until it is stopped or given up.
func (s *Supervisor) keep(k *keeper, p *process) {
	defer close(k.gone)
	defer k.out.close()
	deaths := 0
	for {
		select {
		case <-k.stop:
			p.end(s.kill)
			return
		case <-p.done:
		}
		select {
		case <-k.stop:
			return
		default:
		}
		s.mu.Lock()
		steady := s.steady
		s.mu.Unlock()
		if time.Since(p.started) >= s.policy.Settled {
			deaths = 0
		}
		deaths++
		if !steady || deaths > s.policy.Limit {
			err := k.died(p)
			if steady {
				err = fmt.Errorf("连续重启 %d 次仍未成功：%w", s.policy.Limit, err)
			}
			s.fail(err)
			return
		}
		next, ok := s.revive(k, p, deaths)
		if !ok {
			return
		}
		p = next
	}
}

// revive waits and starts the child again; it answers false when the child was
// stopped or cannot be started.
func (s *Supervisor) revive(k *keeper, dead *process, deaths int) (*process, bool) {
	wait := s.policy.Backoff << (deaths - 1)
	s.say(fmt.Sprintf("⚠️  %s 意外结束（%s），%s 后重启（第 %d 次，最多 %d 次）；日志：%s",
		k.spec.Name, dead.how(), wait, deaths, s.policy.Limit, k.spec.Log))
	select {
	case <-k.stop:
		return nil, false
	case <-time.After(wait):
	}
	p, err := start(k.spec, k.out, s.spawn)
	if err != nil {
		s.fail(err)
		return nil, false
	}
	return p, true
}

// Stop ends all children, the last one started first, each before the next.
func (s *Supervisor) Stop() {
	s.mu.Lock()
	children := s.children
	s.children = nil
	s.mu.Unlock()
	for _, k := range children {
		k.out.mute(true)
	}
	for i := len(children) - 1; i >= 0; i-- {
		close(children[i].stop)
		<-children[i].gone
	}
}

// Kill makes a Stop that is under way, or to come, end the children at once.
func (s *Supervisor) Kill() { s.killOnce.Do(func() { close(s.kill) }) }

// Close ends the thread that starts children. No child may be left.
func (s *Supervisor) Close() { close(s.work) }

// teller shows a child's grave lines, but no flood of them.
func (s *Supervisor) teller(spec Spec) func(string) {
	limit := rate.NewLimiter(1, 20)
	quiet := false
	return func(line string) {
		if limit.Allow() {
			quiet = false
			s.say(spec.Name + " | " + strings.TrimSpace(line))
		} else if !quiet {
			quiet = true
			s.say(spec.Name + " | …其余见 " + spec.Log)
		}
	}
}
