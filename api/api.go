package api

import (
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"tasksync/api/apigen"
	"tasksync/task"
)

// actor stands for every caller as long as there are no tokens.
const actor = "api"

// Config is what the API has to know.
type Config struct {
	// Addr is where the API listens; New refuses what CheckAddr refuses.
	Addr string
	// Zone is the business zone, in which times are shown.
	Zone *time.Location
	// ManualWait is how long a manual call waits for its run before it answers
	// 202; more than 0. A server's write time-out has to be longer.
	ManualWait time.Duration
	// LockedBy is host-pid of this process, see task.Holder.
	LockedBy string
	// AllowedHosts are the Host names beside the loopback ones, either with a
	// port, which then has to be the same, or without, for any port.
	AllowedHosts []string
	// CORSOrigins are the origins, such as https://ops.example.com, whose pages
	// may call the API. None by default.
	CORSOrigins []string
	// Stopping is closed when the process stops: manual calls that wait then
	// answer 202 at once. nil if it never stops.
	Stopping <-chan struct{}
}

// server answers the operations of openapi.yaml.
type server struct {
	cfg     Config
	records Records
	runs    Runs
	log     *slog.Logger
}

var _ apigen.StrictServerInterface = (*server)(nil)

// New builds the API's handler. It returns a task.Error, code invalid_argument,
// that names the setting which is wrong.
func New(cfg Config, records Records, runs Runs, log *slog.Logger) (http.Handler, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	hosts, err := newHostList(cfg.AllowedHosts)
	if err != nil {
		return nil, err
	}
	origins, err := newOrigins(cfg.CORSOrigins)
	if err != nil {
		return nil, err
	}
	valid, err := newValidator()
	if err != nil {
		return nil, err
	}
	s := &server{cfg: cfg, records: records, runs: runs, log: log}

	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.HandleMethodNotAllowed = true
	engine.RedirectTrailingSlash = false
	if err := engine.SetTrustedProxies(nil); err != nil {
		return nil, fmt.Errorf("trust no proxy: %w", err)
	}
	engine.Use(
		s.recoverPanic,
		setHeaders,
		s.guardHost(hosts),
		s.guardOrigin(origins),
		limitTime,
		s.limitBody,
		s.validate(valid),
	)
	engine.NoRoute(func(c *gin.Context) {
		s.fail(c, task.Errorf(task.CodeNotFound, "接口 %s 不存在", c.Request.URL.Path))
	})
	engine.NoMethod(func(c *gin.Context) {
		s.fail(c, task.Errorf(codeMethodNotAllowed, "接口 %s 不支持 %s，请使用 %s",
			c.Request.URL.Path, c.Request.Method, c.Writer.Header().Get("Allow")))
	})
	internal := func(c *gin.Context, err error) { s.fail(c, err) }
	apigen.RegisterHandlersWithOptions(engine, apigen.NewStrictHandlerWithOptions(s, nil, apigen.StrictGinServerOptions{
		RequestErrorHandlerFunc:  func(c *gin.Context, err error) { s.fail(c, badRequest(err)) },
		HandlerErrorFunc:         internal,
		ResponseErrorHandlerFunc: internal,
	}), apigen.GinServerOptions{
		ErrorHandler: func(c *gin.Context, err error, _ int) { s.fail(c, badRequest(err)) },
	})
	return headAsGet(engine), nil
}

func (cfg Config) check() error {
	if err := CheckAddr(cfg.Addr); err != nil {
		return err
	}
	switch {
	case cfg.Zone == nil:
		return task.Errorf(task.CodeInvalidArgument, "缺少业务时区（设置项 TASKSYNC_TIMEZONE）")
	case cfg.ManualWait <= 0:
		return task.Errorf(task.CodeInvalidArgument, "手动同步的等待时间必须大于 0，例如 50s（设置项 TASKSYNC_MANUAL_WAIT）")
	case cfg.LockedBy == "":
		return task.Errorf(task.CodeInvalidArgument, "缺少锁定者（主机名-进程ID）")
	}
	return nil
}
