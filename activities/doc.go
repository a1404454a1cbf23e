// Package activities does a run's work: it reads the source, writes the store
// and matches. One struct holds the dependencies; each activity has an input
// and a result. Everything that an activity leaves behind is written so that
// doing it again changes nothing, since Temporal may run it more than once.
package activities
