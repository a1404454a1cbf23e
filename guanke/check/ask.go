package check

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"time"

	"tasksync/guanke"
	"tasksync/guanke/mapping"
	"tasksync/task"
)

// page reads one page of w and keeps its exchange, "" being the first page.
func (c *checker) page(ctx context.Context, client *guanke.Client, w task.Window, cursor string) (task.Page, error) {
	probe, err := client.ProbePage(ctx, w, cursor)
	if probe.Exchange != nil {
		c.last, c.asked = probe.Exchange, probe.Span
	}
	// What the source says counts, whether the window is exactly what was asked
	// for or not.
	probe.Page.Total = probe.Total
	return probe.Page, err
}

// ask reads the first page of w and all entries of its answer; unless id is "",
// the pages up to the one that has that task, mostPages of them.
func (c *checker) ask(ctx context.Context, client *guanke.Client, w task.Window, id string) (raw, error) {
	var all raw
	cursor := ""
	for range mostPages {
		p, err := c.page(ctx, client, w, cursor)
		if err != nil {
			return raw{}, err
		}
		got := c.reread(ctx)
		all.tasks, all.rejects = append(all.tasks, got.tasks...), append(all.rejects, got.rejects...)
		if id == "" || all.has(id) || p.Next == "" {
			return all, nil
		}
		cursor = p.Next
	}
	all.more = true
	return all, nil
}

// mostPages bounds where one task is looked for.
const mostPages = 10

// with is a client of the source with another mapping and another size of pages
// unless they are nil and 0. It buys a token of its own.
func (c *checker) with(m *mapping.Mapping, size int) (*guanke.Client, error) {
	cfg := c.cfg.Source
	if m != nil {
		cfg.Mapping = m
	}
	if size != 0 {
		cfg.PageSize = size
	}
	return guanke.New(cfg)
}

// release lets a client go whose connections are its own.
func (c *checker) release(client *guanke.Client) {
	if c.cfg.Source.HTTP == nil {
		client.Close()
	}
}

// raw is everything in one answer: the tasks inside the window that was asked
// for and outside of it, and what is no task.
type raw struct {
	tasks   []task.Task
	rejects []task.Reject
	// more is true if there are pages that were not read.
	more bool
}

func (r raw) entries() int { return len(r.tasks) + len(r.rejects) }

// fresh counts the entries that are not in other.
func (r raw) fresh(other raw) int {
	known := map[string]bool{}
	for _, t := range other.tasks {
		known["id "+t.ID] = true
	}
	for _, x := range other.rejects {
		known[string(x.Payload)] = true
	}
	n := 0
	for _, t := range r.tasks {
		if !known["id "+t.ID] {
			n++
		}
	}
	for _, x := range r.rejects {
		if !known[string(x.Payload)] {
			n++
		}
	}
	return n
}

func (r raw) has(id string) bool {
	for i := range r.tasks {
		if r.tasks[i].ID == id {
			return true
		}
	}
	return false
}

// ever is a window that holds every task.
var ever = task.Window{From: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}

// reread reads the last answer again without a window, pages and tokens, which
// gives what the client leaves out as well.
func (c *checker) reread(ctx context.Context) raw {
	if c.last == nil {
		return raw{}
	}
	m := *c.m
	m.Auth = mapping.Auth{Kind: mapping.AuthNone}
	m.List.Paging = mapping.Paging{Style: mapping.PagingNone}
	m.List.Window = nil
	cfg := c.cfg.Source
	cfg.Mapping, cfg.RatePerSecond, cfg.HTTP = &m, 0, &http.Client{Transport: echo{c.last}}
	client, err := guanke.New(cfg)
	if err != nil {
		return raw{}
	}
	for p, err := range client.Pages(ctx, ever, "") {
		if err == nil {
			return raw{tasks: p.Tasks, rejects: p.Rejects}
		}
	}
	return raw{}
}

// echo answers as the source did.
type echo struct{ *guanke.Exchange }

func (e echo) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: e.Status, Header: e.Header.Clone(), Body: io.NopCloser(bytes.NewReader(e.Body)), Request: r,
		ProtoMajor: 1, ProtoMinor: 1, ContentLength: int64(len(e.Body)),
	}, nil
}
