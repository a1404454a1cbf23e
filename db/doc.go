// Package db is the store: it turns rows into the types of package task and
// database errors into task.Error, and nothing else of the project sees
// PostgreSQL. Generated code is in db/dbsqlc; the schema is in db/migrations
// and the statements in db/queries.
//
// The invariants that make runs exact are kept here, in SQL:
//
//   - A page or a batch is written only while its record is running. Writers
//     share the record's lock (require_running); closing takes it alone and adds
//     up in a later statement, so that nothing is committed behind its back.
//   - Whoever waited for a lock sees what it waited for: read committed, whatever
//     the server's default.
//   - What Temporal is told is done is on disk. Batches commit without waiting
//     for it; their chunk flushes once and then looks whether they are there.
//   - An outcome that exists is not done again: the primary key of sync_pages
//     and of sync_batches is the fence against a second executor.
//   - A record's counts are sums over its pages and batches, never numbers
//     that travelled through memory.
package db
