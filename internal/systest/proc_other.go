//go:build !linux

package systest

import "os/exec"

// startTied starts cmd. Outside Linux nothing ends it but the test's cleanup.
func startTied(cmd *exec.Cmd) error { return cmd.Start() }
