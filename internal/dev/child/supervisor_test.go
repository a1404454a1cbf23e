package child_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tasksync/internal/dev/child"
)

type said struct {
	mu    sync.Mutex
	lines []string
}

func (s *said) say(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, line)
}

func (s *said) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines, "\n")
}

func supervisor(t *testing.T, policy child.Policy) (*child.Supervisor, *said) {
	t.Helper()
	told := &said{}
	s := child.NewSupervisor(policy, told.say)
	t.Cleanup(func() { s.Kill(); s.Stop(); s.Close() })
	return s, told
}

func TestTheCountBeginsAnewAfterALongLife(t *testing.T) {
	t.Parallel()
	s, _ := supervisor(t, child.Policy{Limit: 1, Backoff: time.Millisecond, Settled: time.Nanosecond})
	sp := spec(t, "echo lived >>"+"lives; [ $(wc -l <lives) -gt 4 ] && exec sleep 600; exit 1")
	s.Steady()
	require.NoError(t, s.Start(t.Context(), sp, time.Minute, func(context.Context) error {
		return nil
	}))
	require.Eventually(t, func() bool { return lines(t, sp.Dir+"/lives") == 5 }, time.Minute, 10*time.Millisecond)
	select {
	case err := <-s.Failed():
		t.Fatal(err)
	default:
	}
}

func TestAChildThatIsNotReadyInTimeIsNamed(t *testing.T) {
	t.Parallel()
	s, _ := supervisor(t, child.Policy{})
	sp := spec(t, "echo still loading; exec sleep 600")
	err := s.Start(t.Context(), sp, 300*time.Millisecond, func(context.Context) error { return errors.New("no answer") })
	require.ErrorContains(t, err, "sleeper 在 300ms 内没有就绪：no answer")
	require.ErrorContains(t, err, sp.Log)
	require.ErrorContains(t, err, "still loading")
}

func TestAnEndedWaitSaysWhy(t *testing.T) {
	t.Parallel()
	s, _ := supervisor(t, child.Policy{})
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("interrupted")
	err := s.Start(ctx, spec(t, "exec sleep 600"), time.Minute, func(context.Context) error {
		cancel(why)
		return errors.New("not yet")
	})
	require.ErrorIs(t, err, why)
}

func TestAMissingExecutableIsNamed(t *testing.T) {
	t.Parallel()
	s, _ := supervisor(t, child.Policy{})
	sp := spec(t, "")
	sp.Path = "/nowhere/tasksync"
	require.ErrorContains(t, s.Start(t.Context(), sp, time.Minute, nil), "启动 sleeper 失败")
}

func TestRunAnswersTheLastLinesOfACommandThatFails(t *testing.T) {
	t.Parallel()
	s, _ := supervisor(t, child.Policy{})
	require.NoError(t, s.Run(t.Context(), spec(t, "exit 0")))
	err := s.Run(t.Context(), spec(t, "echo the reason >&2; exit 4"))
	require.ErrorContains(t, err, "退出码 4")
	require.ErrorContains(t, err, "the reason")
}

func TestGraveLinesAreShownAndAFloodIsNot(t *testing.T) {
	t.Parallel()
	s, told := supervisor(t, child.Policy{})
	sp := spec(t, `while [ ! -e go ]; do sleep 0.01; done
echo 'level=INFO msg=quiet'
i=0; while [ $i -lt 200 ]; do echo "level=WARN msg=loud$i"; i=$((i+1)); done
echo done >done; exec sleep 600`)
	sp.Show = child.Warning
	require.NoError(t, s.Start(t.Context(), sp, time.Minute, nil))
	touch(t, sp.Dir+"/go")
	require.Eventually(t, func() bool { return strings.Contains(told.text(), "其余见 "+sp.Log) }, time.Minute, 10*time.Millisecond)
	require.Eventually(t, func() bool { return lines(t, sp.Log) == 201 }, time.Minute, 10*time.Millisecond)
	require.Contains(t, told.text(), "sleeper | level=WARN msg=loud0")
	require.NotContains(t, told.text(), "quiet")
	require.Less(t, strings.Count(told.text(), "loud"), 100)
}
