package app

import (
	"io"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/fx"

	"tasksync/internal/config"
)

// Every process can be built from its modules; nothing is started.
func TestProcessesAreWired(t *testing.T) {
	t.Parallel()
	for name, modules := range map[string][]fx.Option{
		"api": apiModules, "worker": workerModules, "simulator": simulatorModules,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.NoError(t, fx.ValidateApp(options(config.Config{}, slog.New(slog.NewTextHandler(io.Discard, nil)), modules...)))
		})
	}
}
