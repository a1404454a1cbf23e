package chaos_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"tasksync/internal/systest"
	"tasksync/task"
)

// entry is everything of a task that is stored, as text, and its name.
type entry struct{ Name, All string }

// truth is what the source has in a window now, by id.
func (l *lane) truth(w task.Window) (map[string]entry, error) {
	span := url.Values{}
	span.Set("startTime", w.From.In(systest.Zone).Format(time.DateTime))
	// The source's end is included, a window's is not.
	span.Set("endTime", w.To.Add(-time.Nanosecond).In(systest.Zone).Format(time.DateTime))
	a, err := l.s.Try(l.ctx, http.MethodGet, l.s.SimURL+"/_sim/truth?"+span.Encode(), "")
	if err != nil {
		return nil, err
	}
	out := map[string]entry{}
	for lines := json.NewDecoder(strings.NewReader(a.Text)); lines.More(); {
		var t struct {
			ID                                                    int64
			TaskName                                              string
			State                                                 int
			TotalNumber, CallNumber, ConnectNumber, SuccessNumber int64
			CreateTime                                            int64
			Concurrency                                           int64
			Remark                                                string
		}
		if err := lines.Decode(&t); err != nil {
			return nil, err
		}
		out[strconv.FormatInt(t.ID, 10)] = entry{t.TaskName, fmt.Sprint(t.TaskName, "||", t.State, "|", t.TotalNumber, "|", t.CallNumber, "|",
			t.ConnectNumber, "|", t.SuccessNumber, "|", t.CreateTime, "|", t.Concurrency, "|", t.Remark)}
	}
	return out, nil
}

// stored is what is stored of a window and not missing, by id.
func (l *lane) stored(w task.Window) (map[string]entry, error) {
	type row struct{ ID, Name, All string }
	rows, err := ask[row](l, `SELECT id, name, concat_ws('|', name, package_ref, state, total, called, connected, succeeded,
			extract(epoch FROM source_created_at)::bigint, attributes->>'concurrency', attributes->>'remark')
		FROM tasks WHERE source_created_at >= $1 AND source_created_at < $2 AND missing_at IS NULL`, w.From, w.To)
	out := make(map[string]entry, len(rows))
	for _, r := range rows {
		out[r.ID] = entry{r.Name, r.All}
	}
	return out, err
}

// holdTruth holds the stored tasks of a window to the source's truth, field by
// field.
func (e *episode) holdTruth(when string, w task.Window) error {
	want, err := e.truth(w)
	if err != nil {
		return err
	}
	have, err := e.stored(w)
	if err != nil {
		return err
	}
	e.seen += len(have)
	var gone, extra, changed []string
	for id, t := range want {
		if got, ok := have[id]; !ok {
			gone = append(gone, id+" "+t.All)
		} else if got != t {
			changed = append(changed, fmt.Sprintf("%s is %s, should be %s", id, got.All, t.All))
		}
	}
	for id, t := range have {
		if _, ok := want[id]; !ok {
			extra = append(extra, id+" "+t.All)
		}
	}
	e.failRows(lost, when+": not stored", gone)
	e.failRows(content, when+": the source does not have", extra)
	e.failRows(content, when+": differ", changed)
	return nil
}

// failRows reports rows that should not be.
func (e *episode) failRows(class, what string, rows []string) {
	if len(rows) == 0 {
		return
	}
	slices.Sort(rows)
	const most = 5
	e.fail(class, "%s: %d, such as\n    %s", what, len(rows), strings.Join(rows[:min(most, len(rows))], "\n    "))
}

// holdOnlyTrue holds the stored tasks of a disturbed run to what the source has
// or had: nothing is there that it never had.
func (e *episode) holdOnlyTrue(rec task.Record) error {
	after, err := e.truth(rec.Window)
	if err != nil {
		return err
	}
	have, err := e.stored(rec.Window)
	if err != nil {
		return err
	}
	before := e.before[rec.Type]
	var never []string
	for id, t := range have {
		old, was := before[id]
		now, is := after[id]
		named := was && t.Name == old.Name || is && t.Name == now.Name
		// A source that gives wrong types may give another name.
		if !was && !is || !named && !e.plan.has("wrong types") {
			never = append(never, id+" "+t.All)
		}
	}
	e.failRows(content, "the source never had", never)
	return nil
}
