package e2e_test

import "syscall"

func mountTmpfs(dir, options string) error {
	var flags uintptr
	if len(options) > 8 && options[:8] == "remount," {
		flags, options = syscall.MS_REMOUNT, options[8:]
	}
	return syscall.Mount("tmpfs", dir, "tmpfs", flags, options)
}

func unmount(dir string) error { return syscall.Unmount(dir, syscall.MNT_DETACH) }
