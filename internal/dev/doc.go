// Package dev is the supervisor behind `tasksync dev`: it starts PostgreSQL,
// the Temporal development server, the simulated source, the worker and the
// API on loopback, waits until each is ready, starts again what dies, and ends
// all of them in order. What the settings name as running elsewhere
// (DATABASE_URL, TEMPORAL_ADDRESS, GUANKE_BASE_URL) is used and not started.
//
// In the data folder it keeps
//
//	dev.lock           held while it runs, so that there is one at a time
//	run/*.pid          which processes it started
//	logs/*.log         what they print
//	postgres/          the database (elsewhere when it runs as root, see postgresFolder)
//	postgres_password  its password, mode 0600
//	database_url       its address for the commands beside it, mode 0600
//	temporal.db        Temporal's data
//	first_run          which database has been seeded and synced once
package dev
