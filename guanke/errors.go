package guanke

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"tasksync/task"
)

var (
	// errTokenExpired asks for a new token; it never leaves the package.
	errTokenExpired = errors.New("token expired")
	errRedirectAway = errors.New("redirect to another origin refused")
	errRedirectLoop = errors.New("too many redirects")
	errTooLarge     = errors.New("answer too large")
)

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
	)
	fail := func(code task.Code, format string, args ...any) error {
		return task.Wrap(code, c.mask.err(err), format, args...)
	}
	switch {
	case errors.Is(err, errRedirectAway):
		return fail(task.CodeSourceContract, "冠客接口要求跳转到别的地址，已拒绝，请检查 GUANKE_BASE_URL")
	case errors.Is(err, errRedirectLoop):
		return fail(task.CodeSourceContract, "冠客接口反复跳转，请检查 GUANKE_BASE_URL")
	case errors.Is(err, errTooLarge):
		return fail(task.CodeSourceContract, "冠客接口的答复超过上限 %d 字节，请减小每页条数", c.maxBody)
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

// statusError translates an HTTP status other than 200; nil for 200.
func (c *Client) statusError(path string, res *response) error {
	if res.status == http.StatusOK {
		return nil
	}
	// Whether the body is an envelope does not matter: the status decides.
	head, _ := decodeHead(res.body.Bytes())
	says := c.says(head.message)
	switch {
	case res.status >= 500, res.status == http.StatusTooManyRequests:
		return c.passing(res, strconv.Itoa(res.status), says)
	case path != pathTaskList && res.status >= 400 && res.status <= 403:
		// The token endpoints take nothing but credentials.
		return c.refused(says)
	case res.status == http.StatusUnauthorized, res.status >= 400 && speaksOfExpiry(head.message):
		return errTokenExpired
	case res.status == http.StatusForbidden:
		return task.Errorf(task.CodeSourceAuth, "冠客拒绝了访问（403），请检查账号的权限和 GUANKE_API_SECRET%s", says)
	}
	return task.Errorf(task.CodeSourceContract, "冠客接口返回 %d，请检查 GUANKE_BASE_URL%s", res.status, says)
}

// answerError translates an error code inside HTTP 200, or the error err of
// decoding the answer; nil if all is well.
func (c *Client) answerError(path string, res *response, head envelope, err error) error {
	var contract *contractError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return task.Errorf(task.CodeSourceUnavailable, "冠客接口的答复不完整，请稍后再试")
	case errors.As(err, &contract):
		return task.Errorf(task.CodeSourceContract, "冠客接口的答复不符合约定：%s", contract.reason)
	case err != nil:
		return task.Errorf(task.CodeSourceContract,
			"冠客接口返回的不是有效的 JSON（开头是 %q），请检查 GUANKE_BASE_URL", c.quote(res.body.String(), 40))
	case head.code == http.StatusOK:
		return nil
	}
	says := c.says(head.message)
	switch code := head.code; {
	case code >= 500 && code <= 599, code == http.StatusTooManyRequests:
		return c.passing(res, fmt.Sprintf("错误码 %d", code), says)
	case path != pathTaskList:
		return c.refused(says)
	case code == http.StatusUnauthorized, speaksOfExpiry(head.message):
		return errTokenExpired
	case code == http.StatusForbidden:
		return task.Errorf(task.CodeSourceAuth, "冠客拒绝了访问（错误码 403），请检查账号的权限和 GUANKE_API_SECRET%s", says)
	default:
		return task.Errorf(task.CodeSourceContract, "冠客接口返回错误码 %d，请核对接口约定%s", code, says)
	}
}

func (c *Client) passing(res *response, what, says string) error {
	err := task.Errorf(task.CodeSourceUnavailable, "冠客接口返回 %s，请稍后再试%s", what, says)
	err.RetryAfter = retryAfter(res.header.Get("Retry-After"), time.Now())
	return err
}

// refused is the word for a token endpoint that gives no token.
func (c *Client) refused(says string) error {
	settings := "GUANKE_API_SECRET"
	if c.tokenPath == pathTokenByPassword {
		settings = "GUANKE_USERNAME 和 GUANKE_PASSWORD"
	}
	return task.Errorf(task.CodeSourceAuth, "冠客拒绝了凭据，请检查 %s%s", settings, says)
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
	if token := c.tokens.known(); token != "" {
		text = strings.ReplaceAll(text, token, "***")
	}
	return c.mask.excerpt(text, limit)
}

// speaksOfExpiry reports whether the source's message says that the token is
// no longer good. Which code goes with it is not documented.
func speaksOfExpiry(message string) bool {
	m := strings.ToLower(message)
	if !strings.Contains(m, "token") && !strings.Contains(m, "令牌") {
		return false
	}
	for _, word := range [...]string{"过期", "失效", "无效", "expire", "invalid"} {
		if strings.Contains(m, word) {
			return true
		}
	}
	return false
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
