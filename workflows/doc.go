// Package workflows tells the story of a run: open the record, fetch, store
// and match chunk by chunk, close the record. The workflow ID of a run is the
// lock of its type, so that a type runs once at a time.
//
// Workflow code is deterministic: it reads no clock, environment or network of
// its own. The history carries ids, cursors and counts, never rows.
package workflows
