package workflows

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"tasksync/activities"
	"tasksync/task"
)

// SyncInput says which run to do.
type SyncInput struct {
	Type    task.SyncType `json:"type"`
	Trigger task.Trigger  `json:"trigger"`
	// RecordID is the record's id where the caller took it from the sequence; 0
	// lets the store take the next.
	RecordID int64 `json:"record_id,omitempty"`
	// LockedBy is host-pid of the caller; "" for a scheduled run, whose lock
	// belongs to the worker that opens the record.
	LockedBy string `json:"locked_by,omitempty"`
	Actor    string `json:"actor"`
	// At is the time that the window belongs to; zero is the run's start.
	At time.Time `json:"at,omitzero"`
	// LockTimeout is the soft deadline: the run then closes its record as failed.
	LockTimeout time.Duration `json:"lock_timeout"`
}

// SyncResult is the run's record as it was closed.
type SyncResult = activities.Closed

// do names the activities; its methods are never called here.
var do *activities.Activities

const (
	// firstPages and maxPages bound a chunk's pages: the first chunk is small, so
	// that storing begins soon, each further one twice as large, so that
	// orchestration costs little.
	firstPages = 2
	maxPages   = 100
	// openRetries are those of a run that has no record, and so no settings, yet.
	openRetries = 3
	// chunksInFlight bounds how many chunks are stored while the next is fetched.
	chunksInFlight = 2
	// rereads is how often a window is read again while the source drifts.
	rereads = 3
)

// SyncWorkflow is one run. It answers the closed record of a run that went to
// its end (success or partial). A run that could not fails with an application
// error whose type is the code and whose detail is the closed record; a
// canceled one ends as canceled.
func SyncWorkflow(ctx workflow.Context, in SyncInput) (SyncResult, error) {
	r := &run{in: in, ctx: ctx, opened: activities.Opened{MaxRetries: openRetries}}
	r.startDeadline(heldSince(ctx))
	defer func() { r.endLimited() }()
	if err := r.open(); err != nil {
		return r.end(activities.Closed{}, r.failure(err))
	}
	for {
		err := r.work()
		closed, again, closeErr := r.close(err)
		switch {
		case again:
			continue
		case closeErr != nil:
			return r.end(closed, r.failure(closeErr))
		case closed.Status == task.Failed || closed.Status == task.Canceled:
			return r.end(closed, &failure{code: closed.Code, message: closed.Message})
		}
		return r.end(closed, nil)
	}
}

// run is what a run knows on its way.
type run struct {
	in     SyncInput
	opened activities.Opened
	// ctx ends when the run is canceled, limited when the deadline passes too.
	ctx, limited workflow.Context
	endLimited   workflow.CancelFunc
	deadline     time.Time
	expired      bool

	// Where fetching stands.
	pass, seq int
	cursor    string
	fetched   bool
	drift     string
	// passDistinct and passTotal are what the pass before saw.
	passDistinct, passTotal int
	chunks                  []*chunk
	// What was fetched and stored, for people who watch.
	tasksFetched, tasksStored int

	attempts []task.Attempt
	retries  int
	reopened int
}

// chunk is a fetched chunk: the pages from from up to, not including, to.
type chunk struct {
	from, to int
	// rows are to be written, undecided of them need a search.
	rows, undecided int
	// mayHaveRows is a chunk whose fetching failed: nobody counted its rows.
	mayHaveRows bool
	stored      bool
}

// heldSince is since when the run holds the lock: since its start, however
// long no worker came; a run that was reset, since then.
func heldSince(ctx workflow.Context) time.Time {
	info := workflow.GetInfo(ctx)
	if info.OriginalRunID != "" && info.OriginalRunID != info.WorkflowExecution.RunID {
		return workflow.Now(ctx)
	}
	return info.WorkflowStartTime
}

// startDeadline starts the soft deadline. It can be moved later on: the timer
// looks at it again before it ends the run.
func (r *run) startDeadline(from time.Time) {
	r.expired = false
	r.deadline = from.Add(r.in.LockTimeout)
	r.limited, r.endLimited = workflow.WithCancel(r.ctx)
	end := r.endLimited
	workflow.Go(r.limited, func(ctx workflow.Context) {
		for left := r.deadline.Sub(workflow.Now(ctx)); left > 0; left = r.deadline.Sub(workflow.Now(ctx)) {
			if workflow.NewTimerWithOptions(ctx, left, workflow.TimerOptions{Summary: "锁超时"}).Get(ctx, nil) != nil {
				return
			}
		}
		r.expired = true
		end()
	})
}

func (r *run) open() error {
	info := workflow.GetInfo(r.ctx)
	at := r.in.At
	if at.IsZero() {
		at = info.WorkflowStartTime
	}
	in := activities.OpenInput{
		RecordID: r.in.RecordID, Type: r.in.Type, Trigger: r.in.Trigger, WorkflowID: info.WorkflowExecution.ID,
		FirstRunID: firstRunID(info), StartTime: info.WorkflowStartTime, At: at, LockedBy: r.in.LockedBy, Actor: r.in.Actor,
	}
	opened, err := call(r.limited, r, step{name: "open", local: true, summary: "建立同步记录"}, do.OpenRecord, in)
	if err != nil {
		return err
	}
	r.opened = opened
	if r.in.LockedBy == "" {
		if err := workflow.UpsertMemo(r.ctx, map[string]any{MemoLockedBy: opened.LockedBy}); err != nil {
			return err
		}
	}
	return workflow.UpsertTypedSearchAttributes(r.ctx, AttributeRecordID.ValueSet(opened.RecordID))
}

// firstRunID is what a record belongs to. The test environment has none.
func firstRunID(info *workflow.Info) string {
	if info.FirstRunID == "" {
		return info.WorkflowExecution.RunID
	}
	return info.FirstRunID
}

// work fetches what is left to fetch and stores what is left to store, the
// next chunk being fetched while earlier ones are stored. If fetching fails,
// what was fetched is stored all the same.
func (r *run) work() error {
	var storeErr error
	slots := workflow.NewSemaphore(r.limited, chunksInFlight)
	stores := workflow.NewWaitGroup(r.limited)
	begin := func(c *chunk) error {
		if err := slots.Acquire(r.limited, 1); err != nil {
			return err
		}
		stores.Add(1)
		workflow.Go(r.limited, func(ctx workflow.Context) {
			defer stores.Done()
			defer slots.Release(1)
			if err := r.store(ctx, c); err != nil && storeErr == nil {
				storeErr = err
			}
		})
		return nil
	}
	err := r.fetchAll(begin, func() bool { return storeErr != nil })
	stores.Wait(r.limited)
	return errors.Join(err, storeErr)
}

func (r *run) fetchAll(begin func(*chunk) error, stop func() bool) error {
	for _, c := range r.chunks {
		if !c.stored {
			if err := begin(c); err != nil {
				return err
			}
		}
	}
	for !r.fetched && !stop() {
		c, err := r.fetch()
		if err != nil {
			if c != nil {
				err = errors.Join(err, begin(c))
			}
			return err
		}
		r.chunks = append(r.chunks, c)
		r.progress()
		if err := begin(c); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) fetch() (*chunk, error) {
	in := activities.FetchInput{
		RecordID: r.opened.RecordID, Window: r.opened.Window, BatchSize: r.opened.BatchSize, Pass: r.pass, Seq: r.seq, Cursor: r.cursor,
		Pages: min(firstPages<<min(len(r.chunks), 8), maxPages),
	}
	summary := fmt.Sprintf("拉取冠客任务（第 %d 页起）", r.seq+1)
	got, err := call(r.limited, r, step{name: fmt.Sprintf("fetch:%d", r.seq), summary: summary}, do.FetchChunk, in)
	var f *failure
	if errors.As(err, &f) && f.kept > 0 {
		// The pages that it kept before it failed are matched and stored.
		return &chunk{from: r.seq, to: r.seq + f.kept, mayHaveRows: true}, err
	}
	if err != nil {
		return nil, err
	}
	c := &chunk{from: r.seq, to: got.Seq, rows: got.Rows, undecided: got.Undecided}
	r.seq, r.cursor = got.Seq, got.Cursor
	r.tasksFetched += got.Fetched
	if got.Done {
		r.endPass(got)
	}
	return c, nil
}

// endPass ends the reading, or begins it again where the source drifted: until
// a pass sees as many entries as the source says all the while, until two passes
// see the same, or three times.
func (r *run) endPass(got activities.FetchResult) {
	if !got.Drifted() {
		r.fetched = true
		return
	}
	stable := r.pass > 0 && !got.TotalChanged && got.Distinct == r.passDistinct && *got.SourceTotal == r.passTotal
	if stable || r.pass == rereads {
		r.fetched = true
		r.drift = fmt.Sprintf("冠客说有 %d 个任务，读到 %d 个不同的任务（读了 %d 遍）；请核对冠客的数据", *got.SourceTotal, got.Distinct, r.pass+1)
		if got.TotalChanged {
			r.drift = fmt.Sprintf("读取时冠客的任务一直在增减（读了 %d 遍，最后说有 %d 个，读到 %d 个不同的任务），可能有遗漏；请稍后再同步一次",
				r.pass+1, *got.SourceTotal, got.Distinct)
		}
		return
	}
	r.passDistinct, r.passTotal = got.Distinct, *got.SourceTotal
	r.pass++
	r.cursor = ""
}

// store matches and stores a chunk. A chunk without rows to write is stored,
// one whose rows are all decided by lookup needs no search.
func (r *run) store(ctx workflow.Context, c *chunk) error {
	in := activities.ChunkInput{RecordID: r.opened.RecordID, FromSeq: c.from, ToSeq: c.to}
	if c.undecided > 0 || c.mayHaveRows {
		s := step{name: fmt.Sprintf("match:%d", c.from), summary: fmt.Sprintf("匹配 %d 个任务", c.undecided)}
		if _, err := call(ctx, r, s, do.MatchChunk, in); err != nil {
			return err
		}
	}
	if c.rows > 0 || c.mayHaveRows {
		s := step{name: fmt.Sprintf("upsert:%d", c.from), summary: fmt.Sprintf("写入 %d 个任务", c.rows)}
		if _, err := call(ctx, r, s, do.UpsertChunk, in); err != nil {
			return err
		}
	}
	c.stored = true
	r.tasksStored += c.rows
	r.progress()
	return nil
}

func (r *run) progress() {
	workflow.SetCurrentDetails(r.ctx, fmt.Sprintf("记录 %d · 窗口 %s 至 %s\n\n已拉取 **%d** 个任务，已写入 **%d** 个变化",
		r.opened.RecordID, r.opened.Window.From.Format(time.DateTime), r.opened.Window.To.Format(time.DateTime),
		r.tasksFetched, r.tasksStored))
}
