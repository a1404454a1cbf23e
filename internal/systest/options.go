package systest

import "maps"

// The roles of processes.
const (
	Simulator = "simulate"
	Worker    = "worker"
	API       = "api"
	// CLI is a command that ends by itself.
	CLI = "cli"
)

type options struct {
	env           map[string][]string
	tasksPerDay   int
	zone          string
	withoutWorker bool
	withoutAPI    bool
	fsync         bool
	noPackages    bool
	guideCrons    bool
	ownPostgres   map[string]string
	ownTemporal   bool
	leaksAllowed  bool
}

// Option changes what Start starts.
type Option func(*options)

// WithEnv adds settings, each NAME=value, to the processes of a role; to those
// of all roles if it is "". A later setting replaces an earlier one.
func WithEnv(role string, settings ...string) Option {
	return func(o *options) { o.env[role] = append(o.env[role], settings...) }
}

// WithTasksPerDay sets how many tasks a day of the source has; the default is
// 28.
func WithTasksPerDay(n int) Option {
	return func(o *options) { o.tasksPerDay = n }
}

// WithHostZone sets the host's time zone, TZ, for all processes; the default
// is UTC.
func WithHostZone(zone string) Option {
	return func(o *options) { o.zone = zone }
}

// WithoutWorker starts no worker; StartWorker starts one later.
func WithoutWorker() Option {
	return func(o *options) { o.withoutWorker = true }
}

// WithoutAPI starts no API; StartAPI starts one later.
func WithoutAPI() Option {
	return func(o *options) { o.withoutAPI = true }
}

// WithFsync puts the database on a server that waits for the disk, as
// production does.
func WithFsync() Option {
	return func(o *options) { o.fsync = true }
}

// WithGuideSchedules gives the schedules the guide's times. Without it they act
// on the 29th of February only, so that no test meets a run that it did not
// start.
func WithGuideSchedules() Option {
	return func(o *options) { o.guideCrons = true }
}

// WithoutPackages leaves the table of data packages empty.
func WithoutPackages() Option {
	return func(o *options) { o.noPackages = true }
}

// WithOwnPostgres runs a PostgreSQL server for the system alone, with further
// parameters, which the test may kill: see System.Postgres.
func WithOwnPostgres(settings map[string]string) Option {
	return func(o *options) {
		o.ownPostgres = map[string]string{}
		maps.Copy(o.ownPostgres, settings)
	}
}

// WithOwnTemporal runs a Temporal server for the system alone, whose data
// persist and which the test may kill. The system then lives in its default
// namespace.
func WithOwnTemporal() Option {
	return func(o *options) { o.ownTemporal = true }
}

// WithLeaks leaves out the search for planted secrets at the end, for a test
// that leaks one to see it found.
func WithLeaks() Option {
	return func(o *options) { o.leaksAllowed = true }
}
