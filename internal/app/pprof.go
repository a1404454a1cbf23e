package app

import (
	"log/slog"
	"net/http"
	"net/http/pprof"
	"time"

	"go.uber.org/fx"

	"tasksync/api"
	"tasksync/internal/config"
)

// pprofModule serves the Go profiler under /debug/pprof/ where
// TASKSYNC_PPROF_ADDR says so.
var pprofModule = fx.Module("pprof", fx.Invoke(servePprof))

func servePprof(lc fx.Lifecycle, shutdowner fx.Shutdowner, cfg config.Config, logger *slog.Logger) error {
	if cfg.PprofAddr == "" {
		return nil
	}
	if err := api.CheckAddr(cfg.PprofAddr); err != nil {
		return invalid("TASKSYNC_PPROF_ADDR=%s：性能分析只能监听本机地址，例如 127.0.0.1:6060", cfg.PprofAddr)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	const longest = 10 * time.Minute // A profile takes as long as its caller says.
	serve(lc, shutdowner, logger, "pprof", "TASKSYNC_PPROF_ADDR", cfg.PprofAddr, mux, longest)
	return nil
}
