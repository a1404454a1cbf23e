//go:build unix && !linux

package child

import "syscall"

// dieWithParent does nothing: here the system cannot do it, and the pid files
// let the next start end what is left.
func dieWithParent(*syscall.SysProcAttr, syscall.Signal) {}
