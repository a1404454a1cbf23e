// Package chaos kills and disturbs tasksync at random, by seed, and holds what
// is left to what must be true: every task of the source is stored once and as
// the source has it, every record's counts are what was committed, nothing is
// left running and nothing is left behind.
//
// An episode is one run, or one of each type at once, over real processes with
// a PostgreSQL and a Temporal server of their own, with one to three strikes:
// SIGKILL of the worker, the API, PostgreSQL, Temporal or all of them, an
// operator who terminates, cancels or resets the workflow, or a source that
// misbehaves. What an episode does is its plan, a pure function of its seed;
// when a strike falls goes by the run's progress, so that only the moment
// depends on the machine. After the strikes a run without faults must make the
// tasks equal to the source's truth.
//
// `make test` plays a few episodes of few tasks; `make chaos` plays many of
// 20,000 tasks and prints the table of what they did, with CHAOS_SEED and
// CHAOS_EPISODES to repeat some.
package chaos
