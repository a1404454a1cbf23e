package systest

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"tasksync/guanke/sim"
)

// leakWait bounds the search for secrets.
const leakWait = time.Minute

// Leaks are the places where a planted secret stands that must not: log files,
// the database with the claims in it, and what Temporal keeps. A test's end
// looks too, unless WithLeaks says otherwise.
func (s *System) Leaks() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.leaks()
}

func (s *System) leaks() []string {
	// At the test's end its own context has ended.
	ctx, cancel := context.WithTimeout(context.Background(), leakWait)
	defer cancel()
	secrets := s.secrets()
	var found []string
	for _, search := range []func(context.Context, []string) ([]string, error){s.logLeaks, s.rowLeaks, s.claimLeaks, s.temporalLeaks} {
		leaks, err := search(ctx, secrets)
		found = append(found, leaks...)
		if err != nil {
			found = append(found, fmt.Sprintf("an unknown place, for the search failed: %v", err))
		}
	}
	return found
}

// secrets are the settings that are secret, the database's password and the
// beginning of every token that the simulator gives out.
func (s *System) secrets() []string {
	secrets := []string{sim.TokenPrefix}
	settings := append([]string(nil), s.base...)
	for _, more := range s.opts.env {
		settings = append(settings, more...)
	}
	for _, pair := range settings {
		name, value, _ := strings.Cut(pair, "=")
		switch name {
		case "GUANKE_API_SECRET", "GUANKE_PASSWORD":
			secrets = append(secrets, value)
		case "DATABASE_URL":
			if u, err := url.Parse(value); err == nil && u.User != nil {
				password, _ := u.User.Password()
				secrets = append(secrets, password)
			}
		}
	}
	return secrets
}

func secretIn(text string, secrets []string) bool {
	for _, secret := range secrets {
		if secret != "" && strings.Contains(text, secret) {
			return true
		}
	}
	return false
}

func (s *System) logLeaks(_ context.Context, secrets []string) (found []string, err error) {
	logs, err := filepath.Glob(filepath.Join(s.dir, "*.log"))
	for _, path := range logs {
		text, readErr := os.ReadFile(path)
		if readErr != nil {
			return found, readErr
		}
		for _, line := range strings.Split(string(text), "\n") {
			if secretIn(line, secrets) {
				found = append(found, filepath.Base(path)+": "+line)
			}
		}
	}
	return found, err
}

// rowLeaks looks into all columns of all tables, binary ones included.
func (s *System) rowLeaks(ctx context.Context, secrets []string) (found []string, err error) {
	rows, err := s.SQL.Query(ctx, "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'")
	if err != nil {
		return nil, err
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	var needles []string
	for _, secret := range secrets {
		if secret != "" {
			needles = append(needles, secret, hex.EncodeToString([]byte(secret)))
		}
	}
	for _, table := range tables {
		var n int
		err := s.SQL.QueryRow(ctx, "SELECT count(*) FROM "+pgx.Identifier{table}.Sanitize()+
			" x WHERE EXISTS (SELECT FROM unnest($1::text[]) needle WHERE strpos(x::text, needle) > 0)", needles).Scan(&n)
		if err != nil {
			return found, err
		}
		if n > 0 {
			found = append(found, fmt.Sprintf("%d rows of the table %s", n, table))
		}
	}
	return found, nil
}

// claimLeaks looks into what the activities handed to each other, which is
// compressed.
func (s *System) claimLeaks(ctx context.Context, secrets []string) (found []string, err error) {
	rows, err := s.SQL.Query(ctx, "SELECT record_id, seq FROM sync_pages WHERE payload IS NOT NULL")
	if err != nil {
		return nil, err
	}
	type page struct {
		Record int64
		Seq    int
	}
	pages, err := pgx.CollectRows(rows, pgx.RowToStructByPos[page])
	for _, p := range pages {
		claim, readErr := s.Store.PageRows(ctx, p.Record, p.Seq)
		if readErr != nil {
			return found, readErr
		}
		for _, batch := range claim.Batches {
			for _, t := range batch {
				if secretIn(fmt.Sprintf("%+v %s", t, t.Task.Attributes), secrets) {
					found = append(found, fmt.Sprintf("the claim %d/%d: task %s", p.Record, p.Seq, t.Task.ID))
				}
			}
		}
	}
	return found, err
}

// temporalLeaks looks into memos, search attributes and histories of all
// executions that the namespace still has.
func (s *System) temporalLeaks(ctx context.Context, secrets []string) (found []string, err error) {
	var executions []*commonpb.WorkflowExecution
	request := &workflowservice.ListWorkflowExecutionsRequest{Namespace: s.Namespace}
	for {
		page, err := s.Temporal.ListWorkflow(ctx, request)
		if err != nil {
			return found, err
		}
		for _, info := range page.GetExecutions() {
			executions = append(executions, info.GetExecution())
			if secretIn(info.String(), secrets) {
				found = append(found, "Temporal's entry of the execution "+info.GetExecution().GetWorkflowId())
			}
		}
		if request.NextPageToken = page.GetNextPageToken(); len(request.NextPageToken) == 0 {
			break
		}
	}
	for _, e := range executions {
		history := s.Temporal.GetWorkflowHistory(ctx, e.GetWorkflowId(), e.GetRunId(), false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for history.HasNext() {
			event, err := history.Next()
			if err != nil {
				return found, err
			}
			if secretIn(event.String(), secrets) {
				found = append(found, fmt.Sprintf("event %d of the execution %s", event.GetEventId(), e.GetWorkflowId()))
			}
		}
	}
	return found, nil
}
