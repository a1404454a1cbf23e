package guanke

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/time/rate"

	"tasksync/task"
)

const (
	pathTokenBySecret   = "/token/secret"
	pathTokenByPassword = "/token"
	pathTaskList        = "/task/list/v2"
)

// Client reads the source. It is safe for use by several goroutines, which
// share one token and one rate limit.
type Client struct {
	base        *url.URL
	http        *http.Client
	credentials url.Values
	tokenPath   string
	pageSize    int
	concurrency int
	zone        *time.Location
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
		base:        base,
		credentials: url.Values{"secret": {cfg.Secret}},
		tokenPath:   pathTokenBySecret,
		pageSize:    cfg.PageSize,
		concurrency: cfg.Concurrency,
		zone:        cfg.Zone,
		timeout:     cfg.Timeout,
		maxBody:     cfg.MaxBody,
		limiter:     rate.NewLimiter(rate.Inf, 1),
		mask:        newMasker(cfg.Secret, cfg.Password),
	}
	if cfg.Secret == "" {
		c.credentials = url.Values{"username": {cfg.Username}, "password": {cfg.Password}}
		c.tokenPath = pathTokenByPassword
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
// nil, or why there is none.
func (c *Client) Check(ctx context.Context) error {
	_, err := c.tokens.get(ctx, c.tokens.known())
	return err
}

// list asks for one page. An expired token is replaced once.
func (c *Client) list(ctx context.Context, query url.Values) (listAnswer, error) {
	token, err := c.tokens.get(ctx, "")
	if err != nil {
		return listAnswer{}, err
	}
	out, err := c.listWith(ctx, query, token)
	if !errors.Is(err, errTokenExpired) {
		return out, err
	}
	if token, err = c.tokens.get(ctx, token); err != nil {
		return listAnswer{}, err
	}
	out, err = c.listWith(ctx, query, token)
	if errors.Is(err, errTokenExpired) {
		return listAnswer{}, task.Errorf(task.CodeSourceUnavailable,
			"冠客不接受刚取得的令牌（连续两次提示令牌失效），请稍后再试；若一直如此，请检查账号是否在别处登录")
	}
	return out, err
}

func (c *Client) listWith(ctx context.Context, query url.Values, token string) (listAnswer, error) {
	res, err := c.get(ctx, pathTaskList, query, token)
	if err != nil {
		return listAnswer{}, err
	}
	defer res.release()
	if err := c.statusError(pathTaskList, res); err != nil {
		return listAnswer{}, err
	}
	out, head, err := decodeList(res.body.Bytes(), c.zone)
	if err := c.answerError(pathTaskList, res, head, err); err != nil {
		return listAnswer{}, err
	}
	out.askedAt = res.askedAt
	return out, nil
}

// fetchToken asks for a new token.
func (c *Client) fetchToken(ctx context.Context) (string, error) {
	res, err := c.get(ctx, c.tokenPath, c.credentials, "")
	if err != nil {
		return "", err
	}
	defer res.release()
	if err := c.statusError(c.tokenPath, res); err != nil {
		return "", err
	}
	token, head, err := decodeToken(res.body.Bytes())
	if err := c.answerError(c.tokenPath, res, head, err); err != nil {
		return "", err
	}
	return token, nil
}

// response is an answer that was read to its end.
type response struct {
	status  int
	header  http.Header
	body    *bytes.Buffer
	askedAt time.Time
}

func (r *response) release() { releaseBuffer(r.body) }

// get sends one request and reads its answer, whatever the status. The errors
// are the context's own or a *task.Error.
func (c *Client) get(ctx context.Context, path string, query url.Values, token string) (*response, error) {
	if err := c.limiter.Wait(ctx); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, context.DeadlineExceeded // The limiter foresees it.
	}
	reqCtx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	address := c.base.JoinPath(path)
	address.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(reqCtx, http.MethodGet, address.String(), nil)
	if err != nil {
		return nil, task.Wrap(task.CodeInternal, c.mask.err(err), "无法构造对冠客的请求，请检查 GUANKE_BASE_URL")
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "tasksync")
	if token != "" {
		req.Header.Set("Authorization", token)
	}
	askedAt := time.Now()
	res, err := c.http.Do(req)
	if err != nil {
		return nil, c.transportError(ctx, reqCtx, err)
	}
	defer res.Body.Close()
	body, err := c.read(res)
	if err != nil {
		return nil, c.transportError(ctx, reqCtx, err)
	}
	return &response{status: res.StatusCode, header: res.Header, body: body, askedAt: askedAt}, nil
}

// read reads an answer of at most maxBody bytes; of an HTTP error at most the
// beginning, which is all that a message needs.
func (c *Client) read(res *http.Response) (*bytes.Buffer, error) {
	const errorBody = 64 << 10
	buf := takeBuffer()
	if res.StatusCode != http.StatusOK {
		// What of an error's body cannot be read says no more than its status.
		_, _ = buf.ReadFrom(io.LimitReader(res.Body, min(errorBody, c.maxBody)))
		return buf, nil
	}
	n, err := buf.ReadFrom(io.LimitReader(res.Body, c.maxBody+1))
	if err == nil && n > c.maxBody {
		err = errTooLarge
	}
	if err != nil {
		releaseBuffer(buf)
		return nil, err
	}
	return buf, nil
}

// checkRedirect lets a redirect pass only within the base URL's origin.
func (c *Client) checkRedirect(req *http.Request, via []*http.Request) error {
	if req.URL.Scheme != c.base.Scheme || req.URL.Host != c.base.Host {
		return errRedirectAway
	}
	if len(via) >= 5 {
		return errRedirectLoop
	}
	req.Header.Del("Referer") // It would repeat the query.
	return nil
}
