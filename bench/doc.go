// Package bench measures what tasksync costs, on real processes: make bench.
// It prints ratios to a COPY of the same rows into the same indexed table in
// the same run, since absolute numbers say little on a shared machine.
package bench
