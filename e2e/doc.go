// Package e2e holds tests of tasksync across real processes: the simulated
// source, workers, the API and the commands, on a real database and a real
// Temporal server. Each test has a system of its own (internal/systest).
package e2e
