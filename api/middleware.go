package api

import (
	"context"
	"errors"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/gin-gonic/gin"

	"tasksync/task"
)

// maxBody is how many bytes a request's body may have. No operation reads one.
const maxBody = 64 << 10

// recoverPanic answers a panic with a 500 that tells nothing; the log has the
// stack. If the answer has begun already, the connection is broken off.
func (s *server) recoverPanic(c *gin.Context) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(p)
		}
		s.log.ErrorContext(c.Request.Context(), "panic in a request",
			"method", c.Request.Method, "path", c.Request.URL.Path, "panic", p, "stack", string(debug.Stack()))
		if c.Writer.Written() {
			panic(http.ErrAbortHandler)
		}
		status, body := describe(task.Errorf(task.CodeInternal, "内部错误，请查看日志"))
		writeJSON(c, status, body)
	}()
	c.Next()
}

// setHeaders keeps answers out of caches, frames and content sniffing.
func setHeaders(c *gin.Context) {
	header := c.Writer.Header()
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Referrer-Policy", "no-referrer")
}

// answerTimeout bounds how long a request may wait for the database; one that
// waits for a run has bounds of its own.
const answerTimeout = 10 * time.Second

// limitTime ends a request's context, so that a database that takes the
// question and does not answer is a 503, and not a caller who waits.
func limitTime(c *gin.Context) {
	ctx, cancel := context.WithTimeout(c.Request.Context(), answerTimeout)
	defer cancel()
	c.Request = c.Request.WithContext(ctx)
	c.Next()
}

// limitBody refuses a body that says it is larger than maxBody, and stops
// reading one that does not say.
func (s *server) limitBody(c *gin.Context) {
	if c.Request.ContentLength > maxBody {
		s.fail(c, task.Errorf(task.CodeInvalidArgument, "请求体过大：最多 %d 字节；本接口不需要请求体", maxBody))
		return
	}
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, maxBody)
}

// headAsGet answers HEAD like GET; net/http leaves the body out.
func headAsGet(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			get := *r
			get.Method = http.MethodGet
			r = &get
		}
		next.ServeHTTP(w, r)
	})
}
