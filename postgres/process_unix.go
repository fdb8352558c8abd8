//go:build unix && !linux

package postgres

import "syscall"

// processAttributes makes a child that runs as the account in a session of its own, so that a Ctrl-C at the
// terminal reaches us alone. Only Linux can tie a child's life to ours: elsewhere a
// server whose starter is killed runs on until the next user stops it.
func processAttributes(a account, _ syscall.Signal) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true}
	if a.drop {
		attr.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid}
	}
	return attr
}
