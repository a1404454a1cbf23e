package guanke

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/transform"
	"golang.org/x/time/rate"

	"tasksync/guanke/mapping"
	"tasksync/task"
)

// Client reads the source. It is safe for use by several goroutines, which
// share one token and one rate limit.
type Client struct {
	*format
	base        *url.URL
	http        *http.Client
	credentials mapping.Credentials
	// way is which of the mapping's ways of authorization is taken.
	way         int
	pageSize    int
	concurrency int
	timeout     time.Duration
	maxBody     int64
	limiter     *rate.Limiter
	tokens      *tokens
	mask        *masker
}

// New makes a Client. It asks nothing of the source; Check does. It fails with
// task.CodeInvalidArgument and names the setting that is wrong.
func New(cfg Config) (*Client, error) {
	cfg.setDefaults()
	base, err := cfg.validate()
	if err != nil {
		return nil, err
	}
	c := &Client{
		format:      newFormat(cfg.Mapping, cfg.Zone),
		base:        base,
		credentials: mapping.Credentials{Secret: cfg.Secret, Username: cfg.Username, Password: cfg.Password},
		pageSize:    maxEntries,
		concurrency: cfg.Concurrency,
		timeout:     cfg.Timeout,
		maxBody:     cfg.MaxBody,
		limiter:     rate.NewLimiter(rate.Inf, 1),
		mask:        newMasker(cfg.Secret, cfg.Password, basic(cfg.Username, cfg.Password)),
	}
	if c.way, err = cfg.Mapping.Auth.Way(c.credentials); err != nil {
		return nil, task.Errorf(task.CodeInvalidArgument, "%v", err)
	}
	if name := c.credentials.Unsendable(); name != "" {
		return nil, task.Errorf(task.CodeInvalidArgument, "%s 里有换行等控制字符（常见的是结尾的换行），请去掉", name)
	}
	switch p := &cfg.Mapping.List.Paging; {
	case p.Size != "":
		c.pageSize = min(cfg.PageSize, p.Largest)
	case p.Largest > 0:
		c.pageSize = p.Largest
	}
	if cfg.RatePerSecond > 0 {
		c.limiter.SetLimit(rate.Limit(cfg.RatePerSecond))
	}
	hc := http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}
	if cfg.HTTP != nil {
		hc = *cfg.HTTP
	}
	hc.CheckRedirect = c.checkRedirect
	c.http = &hc
	c.tokens = &tokens{fetch: c.fetchToken}
	return c, nil
}

// Close closes idle connections. Calls that are under way go on.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Check asks the source for a token, even where the client has one. It answers
// nil, or why there is none. A source without tokens is not asked.
func (c *Client) Check(ctx context.Context) error {
	if !c.hasTokens() {
		return ctx.Err()
	}
	_, err := c.tokens.get(ctx, c.tokens.known())
	return err
}

func (c *Client) hasTokens() bool { return c.mapping.Auth.Kind == mapping.AuthToken }

// sized reports whether the size of the pages is known.
func (c *Client) sized() bool { return c.mapping.List.Paging.Largest > 0 }

// given reports whether the source says what to ask for next.
func (c *Client) given() bool {
	style := c.mapping.List.Paging.Style
	return style == mapping.PagingCursor || style == mapping.PagingLink
}

// withToken calls do with a token, "" for a source without tokens, and once more
// with a new one where the source has refused it.
func (c *Client) withToken(ctx context.Context, do func(token string) error) error {
	token := ""
	for range 2 {
		if c.hasTokens() {
			var err error
			if token, err = c.tokens.get(ctx, token); err != nil {
				return err
			}
		}
		if err := do(token); !errors.Is(err, errTokenExpired) {
			return err
		}
	}
	return expiredTwice()
}

// list asks for one page.
func (c *Client) list(ctx context.Context, s span, at cursor) (out listAnswer, err error) {
	err = c.withToken(ctx, func(token string) error {
		out, err = c.listWith(ctx, s, at, token, nil)
		return err
	})
	return out, err
}

// listWith asks with a token, "" for a source without. Look, unless it is nil,
// sees the answer before it is read.
func (c *Client) listWith(ctx context.Context, s span, at cursor, token string, look func(*response) error) (listAnswer, error) {
	req, err := c.listRequest(s, at, c.credentials, token)
	if err != nil {
		return listAnswer{}, err
	}
	res, err := c.send(ctx, req)
	if err != nil {
		return listAnswer{}, err
	}
	defer res.release()
	if look != nil {
		if err := look(res); err != nil {
			return listAnswer{}, err
		}
	}
	return c.readList(ctx, res)
}

// readList reads the answer to a request for the list.
func (c *Client) readList(ctx context.Context, res *response) (listAnswer, error) {
	if err := c.statusError(ctx, forList, res); err != nil {
		return listAnswer{}, err
	}
	out, head, err := c.decodeList(ctx, res.body.Bytes())
	if err := c.answerError(forList, res, head, err); err != nil {
		return listAnswer{}, err
	}
	out.askedAt = res.askedAt
	p := &c.mapping.List.Paging
	if p.TotalHeader != "" {
		if out.total, err = totalIn(res.header.Get(p.TotalHeader), p.TotalHeader); err != nil {
			return listAnswer{}, err
		}
	}
	if p.Style == mapping.PagingLink {
		if p.Next == nil {
			out.next = linkHeader(res.header)
		}
		if out.next != "" {
			if out.next, err = c.nextLink(res, out.next); err != nil {
				return listAnswer{}, err
			}
		}
	}
	// It is kept between the chunks of a run.
	if c.masked(out.next) != out.next {
		return listAnswer{}, task.Errorf(task.CodeSourceContract, "冠客接口给出的下一页里带着凭据，已拒绝")
	}
	return out, nil
}

// tokenRequest is the request for a token.
func (c *Client) tokenRequest(creds mapping.Credentials) (*outgoing, error) {
	return c.build(&c.mapping.Auth.Requests[c.way], creds, nil)
}

// fetchToken asks for a new token, and for how long it is good.
func (c *Client) fetchToken(ctx context.Context) (string, time.Duration, error) {
	req, err := c.tokenRequest(c.credentials)
	if err != nil {
		return "", 0, err
	}
	res, err := c.send(ctx, req)
	if err != nil {
		return "", 0, err
	}
	defer res.release()
	return c.readToken(ctx, res)
}

// readToken reads the answer to a request for a token.
func (c *Client) readToken(ctx context.Context, res *response) (string, time.Duration, error) {
	if err := c.statusError(ctx, forToken, res); err != nil {
		return "", 0, err
	}
	token, lifetime, head, err := c.decodeToken(ctx, res.body.Bytes())
	if err := c.answerError(forToken, res, head, err); err != nil {
		return "", 0, err
	}
	return token, lifetime, nil
}

// response is an answer that was read to its end.
type response struct {
	url     *url.URL
	status  int
	header  http.Header
	body    *bytes.Buffer
	askedAt time.Time
}

func (r *response) release() { releaseBuffer(r.body) }

// send sends one request and reads its answer, whatever the status. The errors
// are the context's own or a *task.Error.
func (c *Client) send(ctx context.Context, out *outgoing) (*response, error) {
	if err := c.limiter.Wait(ctx); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, context.DeadlineExceeded // The limiter foresees it.
	}
	reqCtx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var body io.Reader
	if out.hasBody {
		body = strings.NewReader(out.body)
	}
	req, err := http.NewRequestWithContext(reqCtx, out.method, out.url.String(), body)
	if err != nil {
		return nil, task.Wrap(task.CodeInternal, c.mask.err(err), "无法构造对冠客的请求，请检查 GUANKE_BASE_URL")
	}
	req.Header = out.header
	askedAt := time.Now()
	res, err := c.http.Do(req)
	if err != nil {
		return nil, c.transportError(ctx, reqCtx, err)
	}
	defer res.Body.Close()
	buf, err := c.read(res)
	if err != nil {
		return nil, c.transportError(ctx, reqCtx, err)
	}
	at := out.url
	if res.Request != nil {
		at = res.Request.URL
	}
	return &response{url: at, status: res.StatusCode, header: res.Header, body: buf, askedAt: askedAt}, nil
}

// read reads an answer of at most maxBody bytes, counted as unpacked, which the
// transport does on the way; of an HTTP error at most the beginning, which is all
// that a message needs.
func (c *Client) read(res *http.Response) (*bytes.Buffer, error) {
	const errorBody = 64 << 10
	buf := takeBuffer()
	body := inUTF8(res)
	if !c.mapping.HTTP.Success.HasInt(res.StatusCode) {
		// What of an error's body cannot be read says no more than its status.
		_, _ = buf.ReadFrom(io.LimitReader(body, min(errorBody, c.maxBody)))
		return buf, nil
	}
	err := errTooLarge
	if res.ContentLength <= c.maxBody {
		var n int64
		if n, err = buf.ReadFrom(io.LimitReader(body, c.maxBody+1)); err == nil && n > c.maxBody {
			err = errTooLarge
		}
	}
	if err != nil {
		releaseBuffer(buf)
		return nil, err
	}
	return buf, nil
}

// inUTF8 is the body of an answer, decoded if it says that it is in one of the
// older Chinese encodings.
func inUTF8(res *http.Response) io.Reader {
	_, params, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if err != nil || !slices.Contains([]string{"gbk", "gb2312", "gb18030"}, strings.ToLower(params["charset"])) {
		return res.Body
	}
	return transform.NewReader(res.Body, simplifiedchinese.GB18030.NewDecoder())
}

// checkRedirect lets a redirect pass only within the base URL's origin.
func (c *Client) checkRedirect(req *http.Request, via []*http.Request) error {
	if !sameOrigin(req.URL, c.base) {
		return &redirectAway{c.origin(req.URL)}
	}
	if len(via) >= 5 {
		return errRedirectLoop
	}
	req.Header.Del("Referer") // It would repeat the query.
	return nil
}
