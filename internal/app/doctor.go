package app

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"go.temporal.io/sdk/client"

	"tasksync/activities"
	"tasksync/api"
	"tasksync/db"
	"tasksync/doctor"
	"tasksync/guanke"
	"tasksync/guanke/mapping"
	"tasksync/internal/config"
	"tasksync/runs"
	"tasksync/schedule"
	"tasksync/task"
	"tasksync/worker"
)

// Doctor looks at everything that the settings name, and mends what it can if
// fix is true. invalid is why the settings could not be read, nil if they could.
func Doctor(ctx context.Context, cfg config.Config, invalid error, fix bool) doctor.Report {
	quiet := slog.New(slog.DiscardHandler)
	p := &doctor.Parts{Options: doctor.Options{Unknown: config.UnknownHere()}}
	if invalid != nil {
		p.Options.Problems = problems(invalid)
		return doctor.Run(ctx, doctor.Checks(p), fix)
	}
	o := &p.Options
	o.Zone, o.Connections = cfg.Zone, cfg.UpsertConnections+spareConns
	o.LockTimeout, o.ManualWait, o.Housekeeping = cfg.LockTimeout, cfg.ManualWait, cfg.Housekeeping
	o.Crons = map[task.SyncType]string{task.Historical: cfg.ScheduleHistorical, task.Today: cfg.ScheduleToday}
	o.HTTPAddr = api.CheckAddr(cfg.HTTPAddr)
	_, o.Mapping = mapping.Load(cfg.SourceMapping)
	o.TwoCredentials = cfg.GuankeAPISecret != "" && cfg.GuankeUsername != ""

	var store *db.Store
	if store, o.NoDatabase = OpenStore(ctx, cfg, false); o.NoDatabase == nil {
		defer store.Close()
		url, err := cfg.Database()
		if err != nil {
			o.NoDatabase = err
		}
		p.Store = doctorStore{Store: store, url: url}
	}
	temporal, err := NewTemporal(cfg, quiet)
	if o.NoTemporal = err; err == nil {
		defer temporal.Close()
		options, err := cfg.TemporalOptions()
		o.NoTemporal, o.Namespace = err, options.Namespace
		p.Runs = doctorRuns{Runs: NewRuns(temporal, store, cfg, quiet), temporal: temporal, namespace: options.Namespace, store: store, zone: cfg.Zone}
		p.Schedules = schedule.New(temporal, scheduleConfig(cfg))
	}
	if source, err := newDoctorSource(cfg); err != nil {
		o.NoSource = err
	} else {
		defer source.Close()
		p.Source = source
	}
	return doctor.Run(ctx, doctor.Checks(p), fix)
}

func problems(invalid error) []string {
	var wrong *config.Error
	if !errors.As(invalid, &wrong) {
		return []string{invalid.Error()}
	}
	var texts []string
	for _, p := range wrong.Problems {
		texts = append(texts, p.Name+" "+p.Text)
	}
	return texts
}

type doctorStore struct {
	*db.Store
	url string
}

func (s doctorStore) Migrate(ctx context.Context) error {
	_, err := db.Migrate(ctx, s.url)
	return err
}

type doctorRuns struct {
	*runs.Runs
	temporal  client.Client
	namespace string
	store     *db.Store
	zone      *time.Location
}

func (r doctorRuns) SearchAttributes(ctx context.Context) (missing, wrong []string, err error) {
	return worker.CheckSearchAttributes(ctx, r.temporal, r.namespace)
}

// attributesWait bounds how long Temporal may take to answer questions about
// attributes that were just registered.
const attributesWait = time.Minute

func (r doctorRuns) EnsureSearchAttributes(ctx context.Context) error {
	if err := worker.EnsureSearchAttributes(ctx, r.temporal, r.namespace); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, attributesWait)
	defer cancel()
	for {
		_, err := r.Traces(ctx, 0)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (r doctorRuns) Fate(ctx context.Context, rec task.Record) (task.Fate, error) {
	return activities.FateOf(ctx, r.Runs, rec)
}

func (r doctorRuns) CloseLost(ctx context.Context, rec task.Record, ending task.Ending) error {
	_, err := activities.CloseLost(ctx, r.store, rec, ending, r.zone)
	return err
}

// clockTimeout bounds the question for the source's time.
const clockTimeout = 5 * time.Second

type doctorSource struct {
	*guanke.Client
	url string
}

// newDoctorSource is the source of the settings, or dev's simulator.
func newDoctorSource(cfg config.Config) (*doctorSource, error) {
	cfg, err := WithDevSource(cfg)
	if err != nil {
		return nil, err
	}
	c, err := NewSource(cfg)
	if err != nil {
		return nil, err
	}
	return &doctorSource{Client: c, url: cfg.GuankeBaseURL}, nil
}

// ClockAhead compares the Date of an answer, which has whole seconds, with our
// clock.
func (s *doctorSource) ClockAhead(ctx context.Context) (time.Duration, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, clockTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, s.url, nil)
	if err != nil {
		return 0, false, err
	}
	asked := time.Now()
	answer, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return 0, false, err
	}
	defer answer.Body.Close()
	date, err := http.ParseTime(answer.Header.Get("Date"))
	if err != nil {
		return 0, false, nil // A source without a clock.
	}
	// The time was cut to seconds: half a second is the best guess.
	return date.Add(time.Second / 2).Sub(asked.Add(time.Since(asked) / 2)), true, nil
}
