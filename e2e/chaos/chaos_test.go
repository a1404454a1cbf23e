package chaos_test

import (
	"flag"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

var (
	seed     = flag.Int64("seed", 1, "the first episode's seed; each further episode has the next")
	episodes = flag.Int("episodes", 0, "how many episodes to play; 0 plays the short form")
	tasks    = flag.Int("tasks", 20000, "how many tasks the historical window has")
	lanes    = flag.Int("lanes", 2, "how many systems play at once")
)

// The short form: a few episodes of few tasks on one system, chosen so that each
// server and each process is killed.
const shortTasks = 2400

var shortSeeds = []int64{623, 2101}

func TestMain(m *testing.M) {
	flag.Parse()
	// The lanes wait more than they work: there may be more than processors.
	if err := flag.Set("test.parallel", fmt.Sprint(*lanes+1)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	code := m.Run()
	if code == 0 {
		// One goroutine starts all processes, and the folder of the binary hangs on
		// a process, for as long as this one lives. The servers' processes are
		// looked for by their ports.
		err := goleak.Find(goleak.IgnoreTopFunction("tasksync/internal/systest.init.func1.1"),
			goleak.IgnoreAnyFunction("tasksync/internal/dev/tether.Start.func1"))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// Whatever is killed and whatever the source does, nothing is lost, doubled,
// miscounted or left behind.
func TestChaos(t *testing.T) {
	t.Parallel()
	seeds, size, systems := shortSeeds, shortTasks, 1
	if *episodes > 0 {
		seeds, size, systems = nil, *tasks, *lanes
		for i := range *episodes {
			seeds = append(seeds, *seed+int64(i))
		}
	}
	todo := make(chan int64, len(seeds))
	for _, s := range seeds {
		todo <- s
	}
	close(todo)
	var (
		mu        sync.Mutex
		results   []result
		pids      []int
		addresses []string
	)
	t.Run("lanes", func(t *testing.T) {
		for i := range min(systems, len(seeds)) {
			t.Run(fmt.Sprint(i+1), func(t *testing.T) {
				t.Parallel()
				l := newLane(t, size)
				for s := range todo {
					r := l.play(planOf(s))
					if len(r.violations) > 0 {
						t.Errorf("%s  repeat it: CHAOS_SEED=%d CHAOS_EPISODES=1 make chaos", r.report(l), s)
					} else {
						t.Logf("%s\n  hits %v, %s", r.plan, r.hits, r.took)
					}
					mu.Lock()
					results = append(results, r)
					mu.Unlock()
				}
				mu.Lock()
				defer mu.Unlock()
				for _, p := range l.procs {
					pids = append(pids, p.PID())
				}
				addresses = append(addresses, l.places()...)
			})
		}
	})
	requireNothingLeft(t, pids, addresses)
	t.Logf("\n%s", table(results))
}

// A plan is a pure function of its seed, and every kind is among the first.
func TestPlansRepeat(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for s := range int64(len(kinds)) {
		require.Equal(t, planOf(s).String(), planOf(s).String())
		require.NotEqual(t, planOf(s).String(), planOf(s+1).String())
		for _, strike := range planOf(s).Strikes {
			seen[strike.Kind] = true
		}
	}
	require.Len(t, seen, len(kinds))
	for name := range seen {
		require.NotEmpty(t, labels[name], name)
	}
}
