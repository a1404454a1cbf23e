package bench_test

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"tasksync/internal/systest"
	"tasksync/task"
)

// BenchmarkManual is a manual run of the guide's size, from POST to answer.
func BenchmarkManual(b *testing.B) {
	const runs = 20
	s := systest.Start(b, systest.WithFsync())
	s.FreezeClock(time.Now())
	require.Equal(b, 200, s.Manual(task.Historical).Status, "the first run warms up")
	var took []time.Duration
	for range runs {
		begun := time.Now()
		answer := s.Manual(task.Historical)
		took = append(took, time.Since(begun))
		require.Equal(b, 200, answer.Status)
	}
	slices.Sort(took)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(took[runs/2].Milliseconds()), "p50-ms")
	b.ReportMetric(float64(took[runs*9/10].Milliseconds()), "p90-ms")
}

// BenchmarkRun is a run over many tasks: all new right after the start (cold),
// all new again once the processes are warm (first), then all unchanged.
func BenchmarkRun(b *testing.B) {
	for _, tasks := range []int{10_000, 100_000, 1_000_000} {
		b.Run(strconv.Itoa(tasks), func(b *testing.B) {
			perDay := (tasks + task.HistoricalDays - 1) / task.HistoricalDays
			s := systest.Start(b, systest.WithFsync(), systest.WithTasksPerDay(perDay), systest.WithEnv(systest.API, "TASKSYNC_MANUAL_WAIT=5m"),
				systest.WithEnv(systest.Worker, "TASKSYNC_PPROF_ADDR=127.0.0.1:0"))
			s.FreezeClock(time.Now())
			cold := measure(b, s, "cold")
			_, err := s.SQL.Exec(context.Background(), "TRUNCATE tasks")
			require.NoError(b, err)
			first := measure(b, s, fmt.Sprintf("first-%d", tasks))
			require.Equal(b, first.rows, first.record.Counts.New)
			unchanged := measure(b, s, fmt.Sprintf("unchanged-%d", tasks))
			require.Zero(b, unchanged.record.Counts.New)
			copied := copyFrom(b, s)
			require.Equal(b, first.record.Counts.Total, copied.rows)
			ratio := func(m measured) float64 { return m.rate() / copied.rate() }
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(cold.rate(), "cold-tasks/s")
			b.ReportMetric(ratio(cold), "cold/copy")
			b.ReportMetric(first.rate(), "first-tasks/s")
			b.ReportMetric(ratio(first), "first/copy")
			b.ReportMetric(unchanged.rate(), "unchanged-tasks/s")
			b.ReportMetric(ratio(unchanged), "unchanged/copy")
			b.ReportMetric(first.walPerTask(), "first-WAL-B/task")
			b.ReportMetric(unchanged.walPerTask(), "unchanged-WAL-B/task")
			b.ReportMetric(copied.walPerTask(), "copy-WAL-B/task")
			for _, part := range [...]string{"postgres", "worker", "simulate", "temporal"} {
				b.ReportMetric(first.cpu.microseconds(part, first.rows), "first-"+part+"-µs/task")
				b.ReportMetric(unchanged.cpu.microseconds(part, first.rows), "unchanged-"+part+"-µs/task")
			}
			b.ReportMetric(copied.cpu.microseconds("postgres", copied.rows), "copy-postgres-µs/task")
			b.ReportMetric(copied.cpu.microseconds("bench", copied.rows), "copy-client-µs/task")
			b.ReportMetric(peakMB(b, s.Worker().PID()), "worker-peak-MB")
			b.ReportMetric(commitMS(b, s), "commit-ms")
			b.ReportMetric(first.eventsPer1000(b, s), "first-events/1000")
			b.ReportMetric(unchanged.eventsPer1000(b, s), "unchanged-events/1000")
			b.ReportMetric(first.searched(s), "searched-%")
			b.ReportMetric(float64(systest.Value[int](s, "SELECT count(*)::int FROM data_packages")), "packages")
		})
	}
}

// measured is what a run, or the COPY, cost.
type measured struct {
	record task.Record
	rows   int
	took   time.Duration
	wal    int64
	cpu    usage
}

func (m measured) rate() float64       { return float64(m.rows) / m.took.Seconds() }
func (m measured) walPerTask() float64 { return float64(m.wal) / float64(m.rows) }

// eventsPer1000 is the length of the run's history for each thousand tasks.
func (m measured) eventsPer1000(b *testing.B, s *systest.System) float64 {
	b.Helper()
	history, err := s.Temporal.DescribeWorkflowExecution(context.Background(), m.record.WorkflowID, m.record.FirstRunID)
	require.NoError(b, err)
	return float64(history.WorkflowExecutionInfo.HistoryLength) / float64(m.rows) * 1000
}

// searched is the percentage of the run's tasks that no lookup decided.
func (m measured) searched(s *systest.System) float64 {
	return 100 * float64(systest.Value[int](s, "SELECT sum(undecided)::int FROM sync_pages WHERE record_id = $1", m.record.ID)) / float64(m.rows)
}

// commitMS is the median time of a commit that waits for the disk, in
// milliseconds.
func commitMS(b *testing.B, s *systest.System) float64 {
	b.Helper()
	var took []time.Duration
	for range 101 {
		begun := time.Now()
		require.NoError(b, s.Store.Flush(context.Background()))
		took = append(took, time.Since(begun))
	}
	slices.Sort(took)
	return float64(took[50].Microseconds()) / 1000
}

// BenchmarkScale compares a million tasks with a hundred thousand: three pairs
// of first loads, one after the other.
func BenchmarkScale(b *testing.B) {
	const small, large = 100_000, 1_000_000
	systems := map[int]*systest.System{}
	for _, tasks := range []int{small, large} {
		systems[tasks] = systest.Start(b, systest.WithFsync(), systest.WithTasksPerDay((tasks+task.HistoricalDays-1)/task.HistoricalDays),
			systest.WithEnv(systest.API, "TASKSYNC_MANUAL_WAIT=5m"))
		systems[tasks].FreezeClock(time.Now())
	}
	rate := func(tasks int) float64 {
		_, err := systems[tasks].SQL.Exec(context.Background(), "TRUNCATE tasks")
		require.NoError(b, err)
		return measure(b, systems[tasks], fmt.Sprintf("scale-%d", tasks)).rate()
	}
	rate(small) // warms up
	var ratios []float64
	for pair := range 3 {
		s, l := rate(small), rate(large)
		ratios = append(ratios, l/s)
		b.ReportMetric(s, fmt.Sprintf("pair%d-100000/s", pair+1))
		b.ReportMetric(l, fmt.Sprintf("pair%d-1000000/s", pair+1))
	}
	slices.Sort(ratios)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(ratios[1], "1000000/100000")
}

// measure runs a historical sync. VACUUM and CHECKPOINT come first, so that
// neither hint bits nor full pages of earlier work count.
func measure(b *testing.B, s *systest.System, name string) measured {
	b.Helper()
	var m measured
	profile(b, s, name, func() {
		m = cost(b, s, func() {
			answer := s.Manual(task.Historical)
			require.Equal(b, 200, answer.Status, "%v", answer)
		})
	})
	m.record = latest(s)
	m.rows = m.record.Counts.Total
	return m
}

func latest(s *systest.System) task.Record {
	return s.Record(systest.Value[int64](s, "SELECT max(id) FROM sync_records"))
}

func cost(b *testing.B, s *systest.System, work func()) measured {
	b.Helper()
	ctx := context.Background()
	for _, sql := range []string{"VACUUM ANALYZE tasks", "CHECKPOINT"} {
		_, err := s.SQL.Exec(ctx, sql)
		require.NoError(b, err)
	}
	lsn := systest.Value[string](s, "SELECT pg_current_wal_lsn()::text")
	before, begun := used(b), time.Now()
	work()
	took, cpu := time.Since(begun), used(b).since(before)
	return measured{took: took, cpu: cpu, wal: systest.Value[int64](s, "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), $1::pg_lsn)::bigint", lsn)}
}

// copyFrom copies the stored tasks, read into memory before, into an empty
// table with the same columns, indexes and fillfactor: the median of three.
func copyFrom(b *testing.B, s *systest.System) measured {
	b.Helper()
	ctx := context.Background()
	// In the order in which they were first written.
	rows, err := s.SQL.Query(ctx, "SELECT * FROM tasks ORDER BY source_created_at, id")
	require.NoError(b, err)
	var columns []string
	for _, f := range rows.FieldDescriptions() {
		columns = append(columns, f.Name)
	}
	values, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) ([]any, error) { return row.Values() })
	require.NoError(b, err)
	var copies []measured
	for range 3 {
		_, err := s.SQL.Exec(ctx, "DROP TABLE IF EXISTS tasks_copy; CREATE TABLE tasks_copy (LIKE tasks INCLUDING ALL) WITH (fillfactor = 90)")
		require.NoError(b, err)
		m := cost(b, s, func() {
			n, err := s.SQL.CopyFrom(ctx, pgx.Identifier{"tasks_copy"}, columns, pgx.CopyFromRows(values))
			require.NoError(b, err)
			require.EqualValues(b, len(values), n)
		})
		m.rows = len(values)
		copies = append(copies, m)
	}
	slices.SortFunc(copies, func(x, y measured) int { return cmp.Compare(x.took, y.took) })
	return copies[1]
}

// peakMB is the most memory that a process has had resident.
func peakMB(b *testing.B, pid int) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(b, err, "peak memory is read from Linux's /proc")
	for line := range strings.Lines(string(status)) {
		if kb, found := strings.CutPrefix(line, "VmHWM:"); found {
			n, err := strconv.ParseFloat(strings.Fields(kb)[0], 64)
			require.NoError(b, err)
			return n / 1024
		}
	}
	b.Fatal("no VmHWM")
	return 0
}
