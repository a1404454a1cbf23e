//go:build long

package e2e_test

// long says whether this is the long form: every step, and outages as long as
// those of real life.
const long = true
