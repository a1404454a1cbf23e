package systest

import (
	"context"
	"fmt"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
)

// events are the times and types of the last events of a workflow ID's current
// execution.
func (s *System) events(workflowID string) string {
	// The test's own context has ended.
	ctx, cancel := context.WithTimeout(context.Background(), stopWait)
	defer cancel()
	var lines []string
	history := s.Temporal.GetWorkflowHistory(ctx, workflowID, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		event, err := history.Next()
		if err != nil {
			lines = append(lines, err.Error())
			break
		}
		lines = append(lines, fmt.Sprintf("%d %s %s", event.GetEventId(), event.GetEventTime().AsTime().Format(time.StampMilli), event.GetEventType()))
	}
	return workflowID + "\n" + strings.Join(lines[max(0, len(lines)-tailLines):], "\n")
}
