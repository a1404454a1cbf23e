package doctor

import (
	"context"
	"time"

	"tasksync/schedule"
	"tasksync/task"
)

// Parts are what the checks ask. A nil part is one that cannot be had; Options
// says why.
type Parts struct {
	Options   Options
	Store     Store
	Runs      Runs
	Schedules Schedules
	Source    Source
	// Now is the clock; nil is the machine's.
	Now func() time.Time
}

// Options are the settings and what is wrong with them.
type Options struct {
	// Problems are settings that are wrong; then nothing else is known. Unknown
	// are variables that look like settings and are none.
	Problems, Unknown []string
	// NoDatabase, NoTemporal and NoSource say why an address cannot be had.
	NoDatabase, NoTemporal, NoSource error
	// HTTPAddr is nil if the API may listen where it should.
	HTTPAddr error
	// Mapping is nil if the mapping of the source can be used.
	Mapping error
	// TwoCredentials is true where both kinds are set.
	TwoCredentials bool

	Zone                                  *time.Location
	Namespace                             string
	LockTimeout, ManualWait, Housekeeping time.Duration
	// Connections are those of one process.
	Connections int
	// Crons are the times of the scheduled runs.
	Crons map[task.SyncType]string
}

// Store is the database.
type Store interface {
	Server(ctx context.Context, zone *time.Location) (task.DatabaseServer, error)
	Schema(ctx context.Context) (have, want int64, err error)
	Migrate(ctx context.Context) error

	RecordOf(ctx context.Context, workflowID, firstRunID string) (task.Record, error)
	RunningRecords(ctx context.Context) ([]task.Record, error)
	Latest(ctx context.Context) (map[task.SyncType]task.Record, error)
	Statuses(ctx context.Context, ids []int64) (map[int64]task.Ending, error)
	WrongSums(ctx context.Context) ([]task.WrongSums, error)
	RecordIDs(ctx context.Context) (task.Sequence, error)
	SkipRecordIDs(ctx context.Context, above int64) error
	LeftClaims(ctx context.Context) ([]task.LeftClaim, error)
	DropClaims(ctx context.Context, recordID int64) error
	PackagesVersions(ctx context.Context) (task.PackagesVersion, error)
	RaisePackagesVersion(ctx context.Context, version int64) error
}

// Runs is what Temporal knows about runs.
type Runs interface {
	Namespace(ctx context.Context, name string) error
	SearchAttributes(ctx context.Context) (missing, wrong []string, err error)
	EnsureSearchAttributes(ctx context.Context) error
	Pollers(ctx context.Context) ([]task.Poller, error)
	OpenRuns(ctx context.Context) ([]task.OpenRun, error)
	Traces(ctx context.Context, above int64) ([]task.RunTrace, error)
	Skipped(ctx context.Context, since time.Time) ([]string, error)
	Known(ctx context.Context, workflowID, runID string) (bool, error)
	// Fate is what Temporal says about the execution of a running record, and
	// CloseLost closes the record with it, as housekeeping does.
	Fate(ctx context.Context, rec task.Record) (task.Fate, error)
	CloseLost(ctx context.Context, rec task.Record, ending task.Ending) error
}

// Schedules are the schedules in Temporal.
type Schedules interface {
	Inspect(ctx context.Context) ([]schedule.Inspection, error)
	Ensure(ctx context.Context) error
}

// Source is Guanke.
type Source interface {
	// Check asks for a token and for no data.
	Check(ctx context.Context) error
	// ClockAhead is how far its clock is ahead of ours; false if it does not tell.
	ClockAhead(ctx context.Context) (time.Duration, bool, error)
}

func (p *Parts) now() time.Time {
	if p.Now != nil {
		return p.Now()
	}
	return time.Now()
}

// Checks lists all checks in the order in which they run: what others need comes
// first.
func Checks(p *Parts) []Check {
	checks := []Check{
		{Name: "设置", Provides: Settings, Run: p.settings},
		{Name: "设置之间", Needs: []Part{Settings}, Run: p.contradictions},
		{Name: "映射文件", Needs: []Part{Settings}, Provides: Mapping, Run: p.mapping},
		{Name: "冠客", Needs: []Part{Settings, Mapping}, Run: p.source},
		{Name: "数据库", Needs: []Part{Settings}, Provides: Database, Run: p.database},
		{Name: "数据库参数", Needs: []Part{Database}, Run: p.server},
		{Name: "数据库结构", Needs: []Part{Database}, Provides: Schema, Run: p.schema},
		{Name: "Temporal", Needs: []Part{Settings}, Provides: Temporal, Run: p.temporal},
		{Name: "search attribute", Needs: []Part{Temporal}, Provides: Attribute, Run: p.attributes},
		{Name: "worker", Needs: []Part{Temporal}, Run: p.workers},
		{Name: "卡住的工作流", Needs: []Part{Temporal}, Run: p.wedged},
		{Name: "定时任务", Needs: []Part{Temporal}, Run: p.schedules},
		{Name: "跳过的时段", Needs: []Part{Temporal, Attribute}, Run: p.skipped},
		{Name: "准时", Needs: []Part{Temporal, Attribute, Schema}, Run: p.late},
		{Name: "进行中的记录", Needs: []Part{Temporal, Schema}, Run: p.lost},
		{Name: "没有记录的运行", Needs: []Part{Temporal, Schema}, Run: p.unrecorded},
		{Name: "记录与 Temporal 的状态", Needs: []Part{Temporal, Attribute, Schema}, Run: p.traces},
		{Name: "记录的平衡", Needs: []Part{Schema}, Run: p.sums},
		{Name: "记录编号", Needs: []Part{Schema}, Run: p.sequence},
		{Name: "中间数据", Needs: []Part{Schema}, Run: p.claims},
		{Name: "数据包版本", Needs: []Part{Schema}, Run: p.packages},
	}
	return checks
}
