package dev

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"tasksync/internal/config"
	"tasksync/internal/dev/child"
)

// Run starts everything, and ends it when ctx is done, at SIGINT, SIGTERM or
// SIGHUP, or when a child cannot be kept alive; that reason is returned, and
// nil for a wanted end. A second signal ends the children at once.
func Run(ctx context.Context, o Options) (err error) {
	o, err = o.withDefaults()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.Config.DataDir, 0o700); err != nil {
		return fmt.Errorf("建立数据目录（TASKSYNC_DATA_DIR）：%w", err)
	}
	unlock, err := lock(o.Config.DataDir)
	if err != nil {
		return err
	}
	defer unlock()

	term := &terminal{out: o.Out}
	r := &run{Options: o, term: term, children: child.NewSupervisor(o.Policy, term.say)}
	ctx, stop := r.catchSignals(ctx)
	defer stop()
	err = r.up(ctx)
	if err == nil {
		select {
		case <-ctx.Done():
		case err = <-r.children.Failed():
		}
	}
	if errors.Is(err, errWanted) || ctx.Err() != nil {
		err = nil
	}
	term.say("正在停止…（再按一次 Ctrl-C 立即结束）")
	r.children.Stop()
	r.children.Close()
	_ = os.Remove(o.Config.DatabaseFile())
	term.say("已全部停止，数据保留在 " + o.Config.DataDir)
	return err
}

// errWanted is the cause of an end that a person asked for.
var errWanted = errors.New("stopped")

// run is one Run.
type run struct {
	Options
	term     *terminal
	children *child.Supervisor
	services Services
	// env is what the children get beside Environ.
	env map[string]string
	// crashed says that an earlier start left pid files behind.
	crashed bool
	// postgres says in the banner which PostgreSQL runs.
	postgres string
}

// up starts the children in order.
func (r *run) up(ctx context.Context) error {
	// The children work in another folder: their paths are absolute.
	r.env = map[string]string{"TASKSYNC_DATA_DIR": r.Config.DataDir, "TASKSYNC_SOURCE_MAPPING": r.Config.SourceMapping}
	if unknown := config.Unknown(environMap(r.Environ)); len(unknown) > 0 {
		r.term.say("⚠️  不认识的设置，已忽略：" + strings.Join(unknown, "、") + "（全部设置见 .env.example）")
	}
	for _, step := range []func(context.Context) error{
		r.endOrphans, r.checkPorts,
		r.startPostgres, r.startTemporal, r.startSource, r.migrate,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	first, err := r.firstRun(ctx)
	if err != nil {
		return err
	}
	if err := first.seed(ctx); err != nil {
		return err
	}
	if err := r.startWorkerAndAPI(ctx); err != nil {
		return err
	}
	r.children.Steady()
	r.banner()
	return first.sync(ctx)
}

func (r *run) catchSignals(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	done := make(chan struct{})
	go func() {
		for asked := 0; ; asked++ {
			select {
			case <-signals:
				if asked > 0 {
					r.children.Kill()
				}
				cancel(errWanted)
			case <-done:
				return
			}
		}
	}()
	var once sync.Once
	return ctx, func() {
		once.Do(func() {
			signal.Stop(signals)
			close(done)
			cancel(nil)
		})
	}
}

// terminal is shared by the children's lines and our own.
type terminal struct {
	mu  sync.Mutex
	out interface{ Write([]byte) (int, error) }
}

func (t *terminal) say(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintln(t.out, line)
}

// lock keeps a second `dev` off the same data.
func lock(dir string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, "dev.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer f.Close()
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
		}
		owner := make([]byte, 20)
		n, _ := f.Read(owner)
		return nil, fmt.Errorf("另一个 tasksync dev（进程 %s）正在使用数据目录 %s：先结束它，或用 TASKSYNC_DATA_DIR 另选一个目录（端口也要换）",
			strings.TrimSpace(string(owner[:n])), dir)
	}
	if err := f.Truncate(0); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if _, err := fmt.Fprintln(f, os.Getpid()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	// Closing the file gives the lock back.
	return func() { f.Close() }, nil
}
