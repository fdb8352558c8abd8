package postgres

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"sluice"
)

// A socket's whole path must stay below 107 bytes, of which "/.s.PGSQL.65535.lock" takes 20.
const maxSocketDir = 86

var plainPath = regexp.MustCompile(`^[A-Za-z0-9/._-]+$`)

// socketDir is a function of the cluster's directory alone, so that a client finds a restarted server where it
// was: a folder of the cluster, or, where that path is too long or holds what the server's settings would read
// as structure, one in the system's temporary directory.
func socketDir(dir string) string {
	if in := filepath.Join(dir, "socket"); len(in) <= maxSocketDir && plainPath.MatchString(in) {
		return in
	}
	return filepath.Join("/tmp", "sluice-"+sluice.HashID("socket", dir)[:16])
}

// makeSocketDir makes it private to the server's user (and root): who can open the socket is the superuser.
func (l layout) makeSocketDir() error {
	if err := os.Mkdir(l.socket, 0o700); err == nil {
		return l.account.own(l.socket)
	} else if !os.IsExist(err) {
		return fmt.Errorf("make the socket's directory: %w", err)
	}
	info, err := os.Lstat(l.socket)
	if err != nil {
		return fmt.Errorf("the socket's directory: %w", err)
	}
	uid, _, ok := ownerOf(l.socket)
	if !info.IsDir() || info.Mode().Perm() != 0o700 || !ok || uid != l.account.uid {
		return fmt.Errorf("the socket's directory %s is not a private directory of user %s: remove it", l.socket, l.account.name)
	}
	return nil
}
