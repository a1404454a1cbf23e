package pgtest_test

import "time"

// settle is how long a server may take to be gone, tick how often a test looks.
const (
	settle = 30 * time.Second
	tick   = 20 * time.Millisecond
)
