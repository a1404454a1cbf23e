package dev_test

import (
	"encoding/json"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// killChild kills a child as a crash would end it.
func killChild(t *testing.T, b *bench, name string) {
	t.Helper()
	var f struct{ PID int }
	require.NoError(t, json.Unmarshal([]byte(b.file("run/"+name+".pid")), &f))
	require.NoError(t, syscall.Kill(f.PID, syscall.SIGKILL))
}
