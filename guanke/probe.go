package guanke

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"tasksync/guanke/mapping"
	"tasksync/task"
)

// Exchange is one request as it was sent and its answer, without our
// credentials and tokens: *** stands in their place.
type Exchange struct {
	Method string
	// URL has its query, so that the window can be seen in it.
	URL           string
	RequestHeader http.Header
	// RequestBody is "" for a request without a body.
	RequestBody string

	Status int
	Header http.Header
	// Body is the answer, unpacked; of an HTTP error only the first 64 KiB.
	Body []byte
	Took time.Duration
}

// TokenProbe is what asking for a token showed.
type TokenProbe struct {
	// Exchange is nil for a source without tokens, and where no answer came.
	Exchange *Exchange
	// Settings are the settings whose credentials were used.
	Settings []string
	// Lifetime is how long the token is good; 0 if that is not known.
	Lifetime time.Duration
}

// ProbeToken asks for a new token, which later calls use. For a source without
// tokens it asks nothing.
func (c *Client) ProbeToken(ctx context.Context) (TokenProbe, error) {
	out := TokenProbe{Settings: c.mapping.Auth.Ways()[c.way]}
	if !c.hasTokens() {
		return out, ctx.Err()
	}
	req, err := c.tokenRequest(c.credentials)
	if err != nil {
		return out, err
	}
	res, err := c.send(ctx, req)
	if err != nil {
		return out, err
	}
	defer res.release()
	took := time.Since(res.askedAt)
	token, lifetime, err := c.readToken(ctx, res)
	if err == nil {
		c.tokens.put(token, lifetime, res.askedAt)
	}
	out.Lifetime = lifetime
	shown, shownErr := c.tokenRequest(hidden)
	if shownErr != nil {
		return out, shownErr
	}
	out.Exchange = c.exchange(shown, res, took)
	return out, err
}

// PageProbe is what asking for one page showed.
type PageProbe struct {
	// Exchange is nil where no answer came.
	Exchange *Exchange
	// Span is what was asked for, From and To as always half-open; Spans is in
	// how many pieces the window is cut.
	Span  task.Window
	Spans int
	// Asked is the size of the page that was asked for, 0 if the mapping has
	// no parameter for it.
	Asked int
	// Entries counts what the answer had, Outside those of them that are valid
	// but were not made in the window.
	Entries, Outside int
	// Total and HasMore are what the source said; nil if it said nothing.
	Total   *int
	HasMore *bool
	// Page is the decoded page as Pages gives it.
	Page task.Page
	// Leftover are the names of the members that the mapping does not use,
	// sorted. They are kept as attributes.
	Leftover []string
}

// ProbePage asks for one page of w: the first one, or the one at cursor, the
// Next of an earlier page. A token that the source refuses is replaced once, as
// in Pages. Where the answer cannot be used, the Exchange is there beside the
// error.
func (c *Client) ProbePage(ctx context.Context, w task.Window, cursor string) (PageProbe, error) {
	var out PageProbe
	all := c.spans(w)
	if len(all) == 0 {
		return out, task.Errorf(task.CodeInvalidArgument, "时间窗口是空的")
	}
	at, err := c.parseCursor(cursor, c.pageSize, len(all))
	if err != nil {
		return out, err
	}
	s := all[at.span]
	out.Span, out.Spans = task.Window{From: s.first, To: s.end}, len(all)
	if c.mapping.List.Paging.Size != "" {
		out.Asked = at.size
	}
	var answer listAnswer
	err = c.withToken(ctx, func(token string) error {
		answer, err = c.listWith(ctx, s, at, token, func(res *response) error {
			shown, err := c.listRequest(s, at, hidden, "***")
			if err == nil {
				out.Exchange = c.exchange(shown, res, time.Since(res.askedAt))
			}
			return err
		})
		return err
	})
	if err != nil {
		return out, err
	}
	return out, c.describe(&out, &answer, w, all, at)
}

// describe fills in what the answer says.
func (c *Client) describe(out *PageProbe, a *listAnswer, w task.Window, all []span, at cursor) error {
	out.Entries, out.Total, out.HasMore = a.entries(), a.total, a.more
	names := make(map[string]bool)
	for _, t := range a.tasks {
		var members map[string]json.RawMessage
		if t.Attributes != nil && json.Unmarshal(t.Attributes, &members) == nil {
			for name := range members {
				names[name] = true
			}
		}
	}
	for name := range names {
		out.Leftover = append(out.Leftover, name)
	}
	slices.Sort(out.Leftover)
	next, last, err := c.after(at, a)
	if err != nil {
		return err
	}
	valid := len(a.tasks)
	out.Page = c.page(a, w, all[at.span], at)
	out.Outside = valid - len(out.Page.Tasks)
	out.Page.Next = c.nextText(next, last, at, len(all))
	return nil
}

// unescapeStars makes *** readable where a query or a form has it.
func unescapeStars(s string) string { return strings.ReplaceAll(s, "%2A%2A%2A", "***") }

// hidden stands in for the credentials in what is shown.
var hidden = mapping.Credentials{Secret: "***", Username: "***", Password: "***"}

// exchange is shown, a request made with hidden, with the answer to the real
// one.
func (c *Client) exchange(shown *outgoing, res *response, took time.Duration) *Exchange {
	e := &Exchange{
		Method: shown.method, URL: unescapeStars(shown.url.String()), RequestHeader: shown.header,
		RequestBody: unescapeStars(shown.body),
		Status:      res.status, Header: http.Header{}, Body: []byte(c.masked(res.body.String())), Took: took,
	}
	if c.mapping.Auth.Kind == mapping.AuthBasic && shown.header.Get("Authorization") != "" {
		shown.header.Set("Authorization", "Basic ***")
	}
	for name, values := range res.header {
		for _, v := range values {
			if name == "Set-Cookie" {
				v = "***"
			}
			e.Header.Add(name, c.masked(v))
		}
	}
	return e
}
