package child

import (
	"syscall"
	"time"
)

// Spec says how to run a child.
type Spec struct {
	// Name is what people and files call it.
	Name string
	// Path is the executable, Args its arguments, Env its whole environment
	// and Dir its working directory.
	Path string
	Args []string
	Env  []string
	Dir  string
	// Credential is the account to run as; nil means that of this process.
	Credential *syscall.Credential
	// Stop is the signal that ends the child in good order; 0 is SIGTERM.
	Stop syscall.Signal
	// Kill is the signal that ends it at once; 0 is SIGKILL.
	Kill syscall.Signal
	// StopTimeout is how long the child may take to end before it is killed;
	// 0 is 20 s.
	StopTimeout time.Duration
	// Log is the file that its output goes to, rotated at 20 MB, with five old
	// ones kept.
	Log string
	// PIDFile says which process it is, for a later start after a crash.
	PIDFile string
	// Show is the least level of its lines that people see on the terminal.
	Show Level
}

func (s Spec) withDefaults() Spec {
	if s.Stop == 0 {
		s.Stop = syscall.SIGTERM
	}
	if s.Kill == 0 {
		s.Kill = syscall.SIGKILL
	}
	if s.StopTimeout == 0 {
		s.StopTimeout = 20 * time.Second
	}
	return s
}
