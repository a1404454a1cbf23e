// Package child runs the processes behind `tasksync dev`: each in a process
// group of its own, with a rotated log and a pid file, started again when it
// dies and ended in order.
package child
