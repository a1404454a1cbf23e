// Package task holds the words of tasksync: tasks of the source, data
// packages, runs and their counts, and the errors that people meet. It imports
// the standard library only, and every other package of the project may
// import it.
package task
