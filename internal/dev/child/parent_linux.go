package child

import "syscall"

// dieWithParent has the kernel send the signal when the thread that started
// the child ends.
func dieWithParent(attr *syscall.SysProcAttr, s syscall.Signal) { attr.Pdeathsig = s }
