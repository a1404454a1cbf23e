package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tasksync/task"
)

// Severity says how bad a finding is.
type Severity string

// The severities, the best first. Only Error makes the command fail.
const (
	OK      Severity = "ok"
	Warning Severity = "warning"
	Error   Severity = "error"
)

// Finding is what a check has to say. The texts are for people, in Chinese.
type Finding struct {
	// Check is the name of the check.
	Check    string   `json:"check"`
	Severity Severity `json:"severity"`
	// What is found, Why it matters, How to mend it.
	What string `json:"what"`
	Why  string `json:"why,omitempty"`
	How  string `json:"how,omitempty"`
	// Fixable says that --fix can mend it, Fixed that it has, FixError why it
	// could not.
	Fixable  bool   `json:"fixable"`
	Fixed    bool   `json:"fixed"`
	FixError string `json:"fix_error,omitempty"`

	fix func(context.Context) error
}

// Part is something that checks need.
type Part string

// The parts.
const (
	Settings  Part = "设置"
	Mapping   Part = "映射文件"
	Database  Part = "数据库"
	Schema    Part = "数据库结构"
	Temporal  Part = "Temporal"
	Attribute Part = "search attribute"
)

// Check is one comparison.
type Check struct {
	// Name is what people read.
	Name string
	// Needs are the parts without which the check is left out.
	Needs []Part
	// Provides is the part that is down where the check finds an error; "" is none.
	Provides Part
	// Run answers what it found; nothing means that all is well.
	Run func(ctx context.Context) ([]Finding, error)
}

// Skipped is a check that was left out.
type Skipped struct {
	Check string `json:"check"`
	// Because names the part that is down.
	Because Part `json:"because"`
}

// Report is what all checks have to say.
type Report struct {
	Findings []Finding `json:"findings"`
	Skipped  []Skipped `json:"skipped"`
	// Warnings and Errors count the findings that remain, Fixed those that were
	// mended.
	Warnings int `json:"warnings"`
	Errors   int `json:"errors"`
	Fixed    int `json:"fixed"`
}

// Healthy reports whether nothing above a warning remains.
func (r Report) Healthy() bool { return r.Errors == 0 }

// checkTimeout bounds one check, fixTimeout one mending.
const (
	checkTimeout = 30 * time.Second
	fixTimeout   = 2 * time.Minute
)

// Run runs the checks in their order. With fix, it mends what can be mended and
// looks again.
func Run(ctx context.Context, checks []Check, fix bool) Report {
	report := Report{Findings: []Finding{}, Skipped: []Skipped{}}
	// down are the parts that cannot be used, with the part that is to blame.
	down := map[Part]Part{}
	for _, c := range checks {
		if i := slices.IndexFunc(c.Needs, func(p Part) bool { return down[p] != "" }); i >= 0 {
			blame := down[c.Needs[i]]
			report.Skipped = append(report.Skipped, Skipped{Check: c.Name, Because: blame})
			if c.Provides != "" {
				down[c.Provides] = blame
			}
			continue
		}
		found := c.run(ctx)
		if fix {
			found = c.mend(ctx, found)
		}
		if c.Provides != "" && slices.ContainsFunc(found, func(f Finding) bool { return f.Severity == Error && !f.Fixed }) {
			down[c.Provides] = c.Provides
		}
		report.Findings = append(report.Findings, found...)
	}
	for _, f := range report.Findings {
		switch {
		case f.Fixed:
			report.Fixed++
		case f.Severity == Warning:
			report.Warnings++
		case f.Severity == Error:
			report.Errors++
		}
	}
	return report
}

func (c Check) run(ctx context.Context) []Finding {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	found, err := c.Run(ctx)
	if err != nil {
		found = append(found, Finding{
			Severity: Error, What: "没有检查成：" + explain(err), How: "按提示处理后再运行 tasksync doctor",
		})
	}
	if len(found) == 0 {
		found = []Finding{{Severity: OK, What: "正常"}}
	}
	for i := range found {
		found[i].Check = c.Name
		found[i].Fixable = found[i].fix != nil
	}
	return found
}

// mend mends what it can and runs the check again: what is not found any more is
// fixed.
func (c Check) mend(ctx context.Context, found []Finding) []Finding {
	tried := false
	for i := range found {
		f := &found[i]
		if f.fix == nil {
			continue
		}
		tried = true
		fixCtx, cancel := context.WithTimeout(ctx, fixTimeout)
		if err := f.fix(fixCtx); err != nil {
			f.FixError = explain(err)
		}
		cancel()
	}
	if !tried {
		return found
	}
	var all []Finding
	again := c.run(ctx)
	for _, f := range found {
		still := slices.ContainsFunc(again, func(g Finding) bool { return g.What == f.What })
		if f.Fixable && !still && f.FixError == "" {
			f.Fixed = true
		}
		if f.Fixed || f.FixError != "" {
			all = append(all, f)
		}
	}
	for _, g := range again {
		if g.Severity == OK || slices.ContainsFunc(all, func(f Finding) bool { return f.What == g.What }) {
			continue
		}
		if g.Fixable {
			g.FixError = "修复后仍然如此"
		}
		all = append(all, g)
	}
	return all
}

// explain is what a person at the terminal reads of an error: its public message
// with its cause.
func explain(err error) string {
	var known *task.Error
	if !errors.As(err, &known) {
		return err.Error()
	}
	if known.Cause == nil {
		return known.Message
	}
	return fmt.Sprintf("%s（%v）", known.Message, known.Cause)
}

// only is the answer of a check that has one thing to say.
func only(f Finding) ([]Finding, error) { return []Finding{f}, nil }
