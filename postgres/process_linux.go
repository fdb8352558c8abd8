package postgres

import "syscall"

// processAttributes makes a child that runs as the account in a session of its own, so that a Ctrl-C at the
// terminal reaches us alone and the recorder can finish its batch. The kernel sends the child that signal when
// the OS thread that started it ends, however that comes about; 0 for none.
func processAttributes(a account, atOurDeath syscall.Signal) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true, Pdeathsig: atOurDeath}
	if a.drop {
		attr.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid}
	}
	return attr
}
