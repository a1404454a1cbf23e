//go:build !long

package e2e_test

const (
	// long says whether this is the long form: every step, and outages as long as
	// those of real life.
	long = false
	// killTasks is a day's tasks where a run is to be met in its middle.
	killTasks = 2500
)
