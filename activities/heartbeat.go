package activities

import (
	"context"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/activity"
)

// heartbeatEvery is well below the heartbeat time-out, so that a slow source
// or database does not look like a dead worker.
const heartbeatEvery = time.Second

// Progress is what a heartbeat carries.
type Progress struct {
	Pages int `json:"pages"`
	Tasks int `json:"tasks"`
}

// beat sends heartbeats with the newest progress until stop is called.
func beat(ctx context.Context) (report func(Progress), stop func()) {
	var newest atomic.Pointer[Progress]
	newest.Store(&Progress{})
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(heartbeatEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				activity.RecordHeartbeat(ctx, *newest.Load())
			}
		}
	}()
	return func(p Progress) { newest.Store(&p) }, func() { cancel(); <-done }
}
