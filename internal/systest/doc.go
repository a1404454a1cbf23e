// Package systest runs tasksync as the real processes that people run: the
// simulated source, the worker and the API, on a database and in a Temporal
// namespace of the test's own. Tests across processes and benchmarks use it.
//
// The binary is built once per test process, from the checkout as it is. All
// processes listen on free ports of loopback; they are killed when the test
// ends, and on Linux also when the test process dies. When a test fails, the
// last lines of each process's log are printed.
package systest
