// Package postgres finds PostgreSQL's binaries on this machine, makes a
// database folder with them and says how to run the server: for `tasksync dev`
// and for tests. It starts no long-lived process itself.
//
// PostgreSQL refuses to run as root. Where this process is root, the server
// runs as an unprivileged account, and its binaries and its folder must lie
// where that account can reach them.
package postgres

// MinMajor is the oldest major version that the schema works with.
const MinMajor = 15

// InstallHint is the command that installs the pinned binaries, run in the
// root of the checkout.
const InstallHint = "npm ci --prefix tools/postgres"
