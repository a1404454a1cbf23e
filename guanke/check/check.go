package check

import (
	"context"
	"fmt"
	"strings"
	"time"

	"tasksync/guanke"
	"tasksync/guanke/mapping"
	"tasksync/task"
)

// Status is what came of a step.
type Status string

// The statuses. A warning is nothing that loses tasks; a step is skipped where
// there is nothing to try.
const (
	OK   Status = "ok"
	Warn Status = "warning"
	Fail Status = "failed"
	Skip Status = "skipped"
)

// Sign is the status as people see it.
func (s Status) Sign() string {
	return map[Status]string{OK: "✓", Warn: "!", Fail: "✗", Skip: "–"}[s]
}

// Step is one thing that was tried.
type Step struct {
	Name    string   `json:"name"`
	Status  Status   `json:"status"`
	Message string   `json:"message"`
	Details []string `json:"details,omitempty"`
	// Advice says what to do, one thing a line.
	Advice []string `json:"advice,omitempty"`
}

// Report is what was found.
type Report struct {
	// Source is the address that was asked, Mapping the mapping's name.
	Source  string      `json:"source"`
	Mapping string      `json:"mapping"`
	Window  task.Window `json:"window"`
	Steps   []Step      `json:"steps"`
	// Sample is the first task as it would be stored; nil if there is none.
	Sample *task.Task `json:"sample"`
	// OK is false if a step failed.
	OK bool `json:"ok"`
}

// Config is what is tried.
type Config struct {
	// Source is the source as a run would read it. Its HTTP may be nil.
	Source guanke.Config
	// Window is where tasks are expected.
	Window task.Window
	// Done is called with each step as it ends; it may be nil.
	Done func(Step)
}

// checker walks the steps.
type checker struct {
	cfg    Config
	m      *mapping.Mapping
	client *guanke.Client
	report *Report
	// last is the last answer to a request for the list, nil before there was
	// one, and asked the time that it was asked for.
	last  *guanke.Exchange
	asked task.Window

	// first is the first page as the client gave it, span the time that it was
	// asked for, seen all of its entries, and body the answer itself.
	first task.Page
	span  task.Window
	seen  raw
	body  []byte
}

// Run tries the source. It stops where nothing more can be tried, and at the
// end of ctx.
func Run(ctx context.Context, cfg Config) Report {
	if cfg.Source.Mapping == nil {
		cfg.Source.Mapping = mapping.Default()
	}
	c := &checker{
		cfg: cfg, m: cfg.Source.Mapping,
		report: &Report{Source: cfg.Source.BaseURL, Mapping: cfg.Source.Mapping.Name, Window: cfg.Window, OK: true},
	}
	c.walk(ctx)
	return *c.report
}

func (c *checker) walk(ctx context.Context) {
	if !c.settings() {
		return
	}
	defer c.release(c.client)
	// What is wrong with the pages hides nothing of what is wrong with the
	// window or the fields, so that one look shows as much as can be seen.
	if !c.steps(ctx, c.token, c.firstPage) {
		return
	}
	c.steps(ctx, c.secondPage, c.pageSize)
	c.steps(ctx, c.inside, c.narrow, c.end)
	c.steps(ctx, c.longest)
	c.steps(ctx, c.fields)
}

// steps walks steps that each need the one before. It is false if one failed.
func (c *checker) steps(ctx context.Context, all ...func(context.Context) bool) bool {
	for _, step := range all {
		if ctx.Err() != nil || !step(ctx) {
			return false
		}
	}
	return true
}

// done notes a step and reports whether it did not fail.
func (c *checker) done(s Step) bool {
	c.report.Steps = append(c.report.Steps, s)
	if s.Status == Fail {
		c.report.OK = false
	}
	if c.cfg.Done != nil {
		c.cfg.Done(s)
	}
	return s.Status != Fail
}

func (c *checker) settings() bool {
	client, err := c.with(nil, 0)
	if err != nil {
		return c.done(Step{Name: "设置", Status: Fail, Message: task.MessageOf(err)})
	}
	c.client = client
	way := "不需要凭据"
	ways := c.m.Auth.Ways()
	if i, err := c.m.Auth.Way(c.credentials()); err == nil && len(ways[i]) > 0 {
		way = "凭据用 " + strings.Join(ways[i], " 和 ")
	}
	return c.done(Step{Name: "设置", Status: OK, Message: fmt.Sprintf("地址 %s，映射“%s”（%s），%s", c.cfg.Source.BaseURL, c.m.Name, c.m.File, way)})
}

func (c *checker) credentials() mapping.Credentials {
	s := c.cfg.Source
	return mapping.Credentials{Secret: s.Secret, Username: s.Username, Password: s.Password}
}

// clock writes a time in the source's zone, to the millisecond where it has
// any.
func (c *checker) clock(t time.Time) string {
	return t.In(c.zone()).Format("2006-01-02 15:04:05.999")
}

func (c *checker) zone() *time.Location {
	if c.cfg.Source.Zone != nil {
		return c.cfg.Source.Zone
	}
	return c.m.Zone
}

func (c *checker) windowText(w task.Window) string {
	return fmt.Sprintf("[%s, %s)", c.clock(w.From), c.clock(w.To))
}
