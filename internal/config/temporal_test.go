package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTemporalDefaultsToTheDevServersPort(t *testing.T) {
	t.Parallel()
	cfg := parse(t, map[string]string{"TASKSYNC_TEMPORAL_PORT": "17233"})
	require.False(t, cfg.TemporalExternal())
	options, err := cfg.TemporalOptions()
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:17233", options.HostPort)
	require.Equal(t, "default", options.Namespace)
}

func TestTemporalTakesItsOwnSettings(t *testing.T) {
	t.Parallel()
	cfg := parse(t, map[string]string{
		"TEMPORAL_ADDRESS": "temporal.example:7233", "TEMPORAL_NAMESPACE": "sync", "TEMPORAL_API_KEY": "k",
	})
	require.True(t, cfg.TemporalExternal())
	options, err := cfg.TemporalOptions()
	require.NoError(t, err)
	require.Equal(t, "temporal.example:7233", options.HostPort)
	require.Equal(t, "sync", options.Namespace)
	require.NotNil(t, options.Credentials)
}

// Not parallel: the home folder is part of the process's environment.
func TestTemporalTomlInTheHomeFolderChangesNothing(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(home, ".config"))
	dir, err := os.UserConfigDir()
	require.NoError(t, err)
	file := filepath.Join(dir, "temporalio", "temporal.toml")
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, []byte("[profile.default]\naddress = \"elsewhere:1\"\n"), 0o600))

	options, err := parse(t, nil).TemporalOptions()
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:7233", options.HostPort)

	cfg := parse(t, map[string]string{"TEMPORAL_CONFIG_FILE": file})
	require.True(t, cfg.TemporalExternal())
	options, err = cfg.TemporalOptions()
	require.NoError(t, err)
	require.Equal(t, "elsewhere:1", options.HostPort)
}
