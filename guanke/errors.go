package guanke

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"tasksync/guanke/mapping"
	"tasksync/task"
)

var (
	// errTokenExpired asks for a new token; it never leaves the package.
	errTokenExpired = errors.New("token expired")
	errRedirectLoop = errors.New("too many redirects")
	errTooLarge     = errors.New("answer too large")
)

// redirectAway refuses a redirect to another origin.
type redirectAway struct{ to string }

func (e *redirectAway) Error() string { return "redirect to another origin refused" }

// longestRetryAfter bounds what the source may ask us to wait.
const longestRetryAfter = 24 * time.Hour

// transportError translates what went wrong before an answer was complete.
func (c *Client) transportError(ctx, reqCtx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var (
		dns       *net.DNSError
		netErr    net.Error
		authority x509.UnknownAuthorityError
		name      x509.HostnameError
		cert      *tls.CertificateVerificationError
		away      *redirectAway
	)
	fail := func(code task.Code, format string, args ...any) error {
		return task.Wrap(code, c.mask.err(err), format, args...)
	}
	switch {
	case errors.As(err, &away):
		return fail(task.CodeSourceContract, "冠客接口要求跳转到别的地址（%s），已拒绝；确认可信的话，改 GUANKE_BASE_URL", away.to)
	case errors.Is(err, errRedirectLoop):
		return fail(task.CodeSourceContract, "冠客接口反复跳转，请检查 GUANKE_BASE_URL")
	case errors.Is(err, errTooLarge):
		return fail(task.CodeSourceContract, "冠客接口的答复超过上限 %g MiB，请减小每页条数（TASKSYNC_PAGE_SIZE）", float64(c.maxBody)/(1<<20))
	case reqCtx.Err() != nil, errors.As(err, &netErr) && netErr.Timeout():
		return fail(task.CodeSourceUnavailable, "冠客接口在 %s 内没有答复完，请稍后再试", c.timeout)
	case errors.As(err, &dns):
		return fail(task.CodeSourceUnavailable, "找不到冠客接口的主机 %s，请检查 GUANKE_BASE_URL 和网络", c.base.Hostname())
	case errors.Is(err, syscall.ECONNREFUSED):
		return fail(task.CodeSourceUnavailable, "冠客接口 %s 拒绝连接，请检查 GUANKE_BASE_URL 和网络", c.base.Host)
	case errors.As(err, &authority), errors.As(err, &name), errors.As(err, &cert):
		return fail(task.CodeSourceUnavailable, "冠客接口 %s 的证书不可信，请检查 GUANKE_BASE_URL", c.base.Host)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fail(task.CodeSourceUnavailable, "冠客接口的答复不完整，请稍后再试")
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return fail(task.CodeSourceUnavailable, "与冠客接口的连接中断，请稍后再试")
	}
	return fail(task.CodeSourceUnavailable, "访问冠客接口失败，请检查网络后再试")
}

// purpose is what a request is for.
type purpose int

const (
	forToken purpose = iota
	forList
)

func (c *Client) plan(why purpose) *answerPlan {
	if why == forToken {
		return c.tokenPlan
	}
	return c.listPlan
}

// statusError translates an HTTP status that is no success; nil for one that
// is.
func (c *Client) statusError(ctx context.Context, why purpose, res *response) error {
	statuses := &c.mapping.HTTP
	if statuses.Success.HasInt(res.status) {
		return nil
	}
	// Whether the body is an envelope does not matter: the status decides.
	plan := c.plan(why)
	message := c.decodeHead(ctx, res.body.Bytes(), plan).message
	says, messages := c.says(message), &plan.envelope.Messages
	switch {
	case statuses.Passing.HasInt(res.status), res.status >= 400 && matches(messages.Passing, message):
		return c.passing(res, strconv.Itoa(res.status), says)
	case why == forToken && res.status >= 400 && res.status <= 403:
		// The token endpoints take nothing but credentials.
		return c.refused(says)
	case statuses.Expired.HasInt(res.status), res.status >= 400 && matches(messages.Expired, message):
		return c.expired(says)
	case statuses.Credentials.HasInt(res.status), res.status >= 400 && matches(messages.Credentials, message):
		return c.forbidden(strconv.Itoa(res.status), says)
	}
	if res.status < 300 {
		return task.Errorf(task.CodeSourceContract, "冠客接口返回 %d，不在映射的 http.success 里；它若表示成功，请写进去%s", res.status, says)
	}
	return task.Errorf(task.CodeSourceContract, "冠客接口返回 %d，请检查 GUANKE_BASE_URL%s", res.status, says)
}

// answerError translates an error code inside a success, or the error err of
// decoding the answer; nil if all is well.
func (c *Client) answerError(why purpose, res *response, head envelope, err error) error {
	var contract *contractError
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return task.Errorf(task.CodeSourceUnavailable, "冠客接口的答复不完整，请稍后再试")
	case errors.As(err, &contract):
		return task.Errorf(task.CodeSourceContract, "冠客接口的答复不符合约定：%s", c.quote(contract.reason, 300))
	case err != nil && why == forToken:
		// It may hold a token that nobody can find in it to mask it.
		return task.Errorf(task.CodeSourceContract, "冠客取令牌的接口返回的不是有效的 JSON，请检查 GUANKE_BASE_URL")
	case err != nil:
		return task.Errorf(task.CodeSourceContract,
			"冠客接口返回的不是有效的 JSON（开头是 %q），请检查 GUANKE_BASE_URL", c.quote(res.body.String(), 40))
	case head.ok:
		return nil
	}
	says, e := c.says(head.message), c.plan(why).envelope
	what := "错误码 " + c.quote(head.code, 40)
	if head.code == "" {
		what = "失败的答复"
	}
	switch {
	case e.Codes.Passing.Has(head.code), matches(e.Messages.Passing, head.message):
		return c.passing(res, what, says)
	case why == forToken:
		return c.refused(says)
	case e.Codes.Expired.Has(head.code), matches(e.Messages.Expired, head.message):
		return c.expired(says)
	case e.Codes.Credentials.Has(head.code), matches(e.Messages.Credentials, head.message):
		return c.forbidden(what, says)
	}
	return task.Errorf(task.CodeSourceContract, "冠客接口返回%s，请核对接口约定%s", what, says)
}

func matches(patterns []*regexp.Regexp, message string) bool {
	return message != "" && slices.ContainsFunc(patterns, func(re *regexp.Regexp) bool { return re.MatchString(message) })
}

func (c *Client) passing(res *response, what, says string) error {
	err := task.Errorf(task.CodeSourceUnavailable, "冠客接口返回 %s，请稍后再试%s", what, says)
	err.RetryAfter = retryAfter(res.header.Get("Retry-After"), time.Now())
	return err
}

// expired is the word for a refusal that a new token mends, where there are
// tokens.
func (c *Client) expired(says string) error {
	if c.hasTokens() {
		return errTokenExpired
	}
	return c.refused(says)
}

func expiredTwice() error {
	return task.Errorf(task.CodeSourceUnavailable,
		"冠客不接受刚取得的令牌（连续两次提示令牌失效），请稍后再试；若一直如此，请检查账号是否在别处登录")
}

func (c *Client) forbidden(what, says string) error {
	return task.Errorf(task.CodeSourceAuth, "冠客拒绝了访问（%s），请检查账号的权限%s%s", what, c.settings(" 和 "), says)
}

// refused is the word for credentials that the source does not take.
func (c *Client) refused(says string) error {
	if c.mapping.Auth.Kind == mapping.AuthNone {
		return task.Errorf(task.CodeSourceAuth, "冠客要求登录，而映射文件里写的是不需要（auth.kind: none）%s", says)
	}
	return task.Errorf(task.CodeSourceAuth, "冠客拒绝了凭据，请检查%s%s", c.settings(" "), says)
}

// settings names the settings of our credentials, behind before; "" if there
// are none.
func (c *Client) settings(before string) string {
	way := c.mapping.Auth.Ways()[c.way]
	if len(way) == 0 {
		return ""
	}
	return before + strings.Join(way, " 和 ")
}

// says quotes the source's own message, masked and bounded; "" if it is empty.
func (c *Client) says(message string) string {
	if message = c.quote(message, 200); message == "" {
		return ""
	}
	return "（冠客：" + message + "）"
}

// quote is at most limit characters of the source's own text, fit to be seen.
func (c *Client) quote(text string, limit int) string {
	return c.mask.excerpt(c.tokens.hide(text), limit)
}

// masked is text without our credentials and our token.
func (c *Client) masked(text string) string {
	return c.mask.secrets.Replace(c.tokens.hide(text))
}

// retryAfter reads the header of that name, whole seconds or an HTTP date; 0
// where it says nothing that can be read or names the past.
func retryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if seconds, err := strconv.ParseUint(value, 10, 64); err == nil {
		if seconds > uint64(longestRetryAfter/time.Second) {
			return longestRetryAfter
		}
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), longestRetryAfter)
}
