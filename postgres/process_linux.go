package postgres

import "syscall"

// processAttributes makes a child that runs as the account in a session of its own, so that a Ctrl-C at the
// terminal reaches us alone and the recorder can finish its batch. With dieWithUs the kernel stops the
// child at once when the OS thread that started it ends, however that comes about.
func processAttributes(a account, dieWithUs bool) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true}
	if a.drop {
		attr.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid}
	}
	if dieWithUs {
		attr.Pdeathsig = syscall.SIGQUIT // "immediate shutdown": its own children end too
	}
	return attr
}
