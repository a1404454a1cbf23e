package systest

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	enumspb "go.temporal.io/api/enums/v1"
)

// Step is a place at which Hold stops a run: the statement by which it opens
// its record, keeps a page, keeps what the search found, keeps a batch's
// outcome, or closes its record.
type Step string

// The steps of a run in their order.
const (
	Open   Step = "open"
	Fetch  Step = "fetch"
	Match  Step = "match"
	Upsert Step = "upsert"
	Close  Step = "close"
)

// Steps are all steps in their order.
var Steps = []Step{Open, Fetch, Match, Upsert, Close}

// statements is what a step does last in the database.
var statements = map[Step]string{
	Open:   "INSERT ON sync_records",
	Fetch:  "INSERT ON sync_pages",
	Match:  "UPDATE OF matches ON sync_pages",
	Upsert: "INSERT ON sync_batches",
	Close:  "UPDATE OF status ON sync_records",
}

// holdKey is the advisory lock that held statements wait for.
const holdKey = 73210

// waiting is the condition on pg_locks of what waits in this database.
const waiting = "locktype = 'advisory' AND classid = $1 AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"

// Held is a step that waits.
type Held struct {
	s    *System
	conn *pgx.Conn
	step Step
}

// Hold lets all runs wait in the middle of a step, within its statement, until
// Release. One step may be held at a time. A server that is killed forgets it.
func (s *System) Hold(step Step) *Held {
	s.t.Helper()
	conn, err := pgx.Connect(s.ctx, s.DatabaseURL)
	if err != nil {
		s.t.Fatalf("systest: hold %s: %v", step, err)
	}
	for _, stmt := range []string{
		fmt.Sprintf("SELECT pg_advisory_lock(%d, 0)", holdKey),
		fmt.Sprintf(`CREATE OR REPLACE FUNCTION systest_hold() RETURNS trigger LANGUAGE plpgsql AS $$
			BEGIN PERFORM pg_advisory_xact_lock_shared(%d, 0); RETURN NULL; END $$`, holdKey),
		fmt.Sprintf("CREATE TRIGGER systest_hold BEFORE %s FOR EACH STATEMENT EXECUTE FUNCTION systest_hold()", statements[step]),
	} {
		if _, err := conn.Exec(s.ctx, stmt); err != nil {
			s.t.Fatalf("systest: hold %s: %v", step, err)
		}
	}
	return &Held{s: s, conn: conn, step: step}
}

// Wait waits until a run stands at the step.
func (h *Held) Wait() {
	h.s.t.Helper()
	h.s.Eventually("a run at the step "+string(h.step), func() bool {
		return Value[int](h.s, "SELECT count(*) FROM pg_locks WHERE "+waiting, holdKey) > 0
	})
}

// Cut ends the connections whose statements wait, so that these are undone.
func (h *Held) Cut() {
	h.s.t.Helper()
	cut := Value[int](h.s, "SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE "+waiting, holdKey)
	if cut == 0 {
		h.s.t.Fatalf("systest: nothing waits at the step %s", h.step)
	}
}

// Release lets the waiting statements go on, whether anybody still waits for
// their answer or not. On a server that was killed it only tidies up.
func (h *Held) Release() {
	h.s.t.Helper()
	var pids []int32
	// Nobody waits on a server that was killed.
	_ = h.conn.QueryRow(h.s.ctx, "SELECT array_agg(pid) FROM pg_locks WHERE "+waiting, holdKey).Scan(&pids)
	// The end of the connection ends its lock.
	_ = h.conn.Close(h.s.ctx)
	table := statements[h.step][strings.LastIndex(statements[h.step], " ")+1:]
	h.s.Eventually("the end of the hold", func() bool {
		_, err := h.s.SQL.Exec(h.s.ctx, "DROP TRIGGER IF EXISTS systest_hold ON "+table)
		return err == nil
	})
	h.s.Eventually("the end of the held statements", func() bool {
		return Value[int](h.s, "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY($1) AND state = 'active'", pids) == 0
	})
}

// WorkerOf is the worker that executes a workflow's activity or, where none is
// pending, its workflow task now.
func (s *System) WorkerOf(workflowID string) *Proc {
	s.t.Helper()
	var found *Proc
	s.Eventually("a worker of "+workflowID, func() bool {
		desc, err := s.Temporal.DescribeWorkflowExecution(s.ctx, workflowID, "")
		if err != nil {
			return false
		}
		var identities []string
		for _, a := range desc.GetPendingActivities() {
			identities = append(identities, a.GetLastWorkerIdentity())
		}
		if len(identities) == 0 {
			history := s.Temporal.GetWorkflowHistory(s.ctx, workflowID, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
			for history.HasNext() {
				event, err := history.Next()
				if err != nil {
					return false
				}
				if started := event.GetWorkflowTaskStartedEventAttributes(); started != nil {
					identities = []string{started.GetIdentity()}
				}
			}
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, w := range s.workers {
			for _, identity := range identities {
				if strings.HasSuffix(identity, "-"+strconv.Itoa(w.PID())) {
					found = w
				}
			}
		}
		return found != nil
	})
	return found
}
