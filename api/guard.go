package api

import (
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"tasksync/task"
)

// hostList holds the Host names beside the loopback ones, in lower case, with
// a port or without.
type hostList map[string]bool

func newHostList(names []string) (hostList, error) {
	list := make(hostList, len(names))
	for _, name := range names {
		name = strings.ToLower(strings.TrimSpace(name))
		if name == "" || strings.ContainsAny(name, "*/@ ") {
			return nil, task.Errorf(task.CodeInvalidArgument,
				"允许的主机名 %q 不合法：请写成 sync.example.com 或 sync.example.com:8080，不支持通配符（设置项 TASKSYNC_ALLOWED_HOSTS）", name)
		}
		list[name] = true
		list[strings.Trim(name, "[]")] = true
	}
	return list, nil
}

// allow reports whether a request with this Host header may pass: loopback
// with any port, or a configured name. The Host is what tells a page that
// rebinds its own name to 127.0.0.1 from a page of ours.
func (l hostList) allow(host string) bool {
	host = strings.ToLower(host)
	name := strings.Trim(host, "[]")
	if n, _, err := net.SplitHostPort(host); err == nil {
		name = n
	}
	return isLoopback(name) || l[name] || l[host]
}

func (s *server) guardHost(hosts hostList) gin.HandlerFunc {
	return func(c *gin.Context) {
		if !hosts.allow(c.Request.Host) {
			s.fail(c, task.Errorf(task.CodeForbiddenOrigin,
				"不接受主机名 %q：请用 localhost 访问，或把它加入 TASKSYNC_ALLOWED_HOSTS", c.Request.Host))
		}
	}
}

// origins holds the configured origins and the protection that lets them
// through.
type origins struct {
	allowed map[string]bool
	guard   *http.CrossOriginProtection
}

func newOrigins(list []string) (*origins, error) {
	o := &origins{allowed: make(map[string]bool, len(list)), guard: http.NewCrossOriginProtection()}
	for _, origin := range list {
		origin = strings.ToLower(strings.TrimSpace(origin))
		u, err := url.Parse(origin)
		// An origin is just scheme://host[:port]; a browser sends nothing else.
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" ||
			strings.Contains(u.Host, "*") || origin != u.Scheme+"://"+u.Host {
			return nil, task.Errorf(task.CodeInvalidArgument,
				"允许的来源 %q 不合法：请写成 https://ops.example.com 或 http://localhost:5173，不带路径，不支持 *（设置项 TASKSYNC_CORS_ORIGINS）", origin)
		}
		if err := o.guard.AddTrustedOrigin(origin); err != nil {
			return nil, task.Wrap(task.CodeInvalidArgument, err,
				"允许的来源 %q 不合法（设置项 TASKSYNC_CORS_ORIGINS）", origin)
		}
		o.allowed[origin] = true
	}
	return o, nil
}

// guardOrigin answers CORS for the configured origins, and refuses an unsafe
// request, or the preflight of one, that a page of another origin sends.
// Callers that are no browsers send no Origin and pass.
func (s *server) guardOrigin(o *origins) gin.HandlerFunc {
	return func(c *gin.Context) {
		header := c.Writer.Header()
		header.Add("Vary", "Origin")
		origin := c.GetHeader("Origin")
		allowed := o.allowed[origin]
		if allowed {
			header.Set("Access-Control-Allow-Origin", origin)
		}
		preflight := c.Request.Method == http.MethodOptions && c.GetHeader("Access-Control-Request-Method") != ""
		switch {
		case preflight && allowed:
			header.Add("Vary", "Access-Control-Request-Method, Access-Control-Request-Headers")
			header.Set("Access-Control-Allow-Methods", "GET, HEAD, POST")
			header.Set("Access-Control-Allow-Headers", "Content-Type")
			header.Set("Access-Control-Max-Age", "600")
			c.AbortWithStatus(http.StatusNoContent)
		case preflight:
			s.fail(c, foreign(origin, nil))
		default:
			if err := o.guard.Check(c.Request); err != nil {
				s.fail(c, foreign(origin, err))
			}
		}
	}
}

func foreign(origin string, cause error) error {
	return task.Wrap(task.CodeForbiddenOrigin, cause,
		"拒绝跨站请求：来源 %q 不在允许之列，如需允许请把它加入 TASKSYNC_CORS_ORIGINS", origin)
}
