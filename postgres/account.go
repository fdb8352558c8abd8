package postgres

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"sluice"
)

// account is the user that the server runs as. Postgres refuses to run as root, so a root process drops
// to another user for it.
type account struct {
	uid, gid uint32
	name     string
	// drop is true where the server's user is not ours.
	drop bool
}

// accountFor chooses the user for a cluster whose data directory is, or will be, data: ourselves, unless we
// are root. Then it is the owner of an existing cluster, else "postgres", else "nobody".
func accountFor(data string) (account, error) {
	if euid := os.Geteuid(); euid != 0 {
		return account{uid: uint32(euid), gid: uint32(os.Getegid()), name: strconv.Itoa(euid)}, nil
	}
	if uid, gid, ok := ownerOf(data); ok && uid != 0 {
		name := strconv.Itoa(int(uid))
		if u, err := user.LookupId(name); err == nil {
			name = u.Username
		}
		return account{uid: uid, gid: gid, name: name, drop: true}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 == nil && err2 == nil && uid != 0 {
			return account{uid: uint32(uid), gid: uint32(gid), name: name, drop: true}, nil
		}
	}
	return account{}, errors.New("postgres refuses to run as root, and this machine has neither a user " +
		"\"postgres\" nor \"nobody\" to run it as: add one, run as another user, or set DATABASE_URL")
}

// own gives a file or directory to the account.
func (a account) own(path string) error {
	if !a.drop {
		return nil
	}
	if err := os.Chown(path, int(a.uid), int(a.gid)); err != nil {
		return fmt.Errorf("give %s to user %s: %w", path, a.name, err)
	}
	return nil
}

// barrier finds the first directory above path, or path itself, that the account may not pass through;
// empty if there is none. Directories that do not exist yet are no barrier.
func (a account) barrier(path string) string {
	if !a.drop {
		return ""
	}
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		path = resolved
	}
	found := ""
	for dir := path; ; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err == nil && info.IsDir() && !a.passes(info) {
			found = dir
		}
		if dir == filepath.Dir(dir) {
			return found
		}
	}
}

func (a account) passes(info fs.FileInfo) bool {
	execute := fs.FileMode(0o001)
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		switch {
		case st.Uid == a.uid:
			execute = 0o100
		case st.Gid == a.gid:
			execute = 0o010
		}
	}
	return info.Mode().Perm()&execute != 0
}

// place is where a directory that the account must reach really goes: dir itself, or, where one above
// it is closed to the account (/root, say), a directory of the same name below fallback, or below the
// system's temporary directory if dir was there too. The second result says why it moved; empty if it
// did not.
func (a account) place(dir, fallback string) (place, why string) {
	barrier := a.barrier(dir)
	if barrier == "" {
		return dir, ""
	}
	if temporary, err := filepath.Rel(os.TempDir(), dir); err == nil && filepath.IsLocal(temporary) {
		fallback = temporaryState()
	}
	moved := filepath.Join(fallback, filepath.Base(dir)+"-"+sluice.HashID("place", dir)[:8])
	return moved, fmt.Sprintf("%s is kept in %s: the server runs as user %s, who may not enter %s",
		dir, moved, a.name, barrier)
}

func ownerOf(path string) (uid, gid uint32, ok bool) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, 0, false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, false
	}
	return st.Uid, st.Gid, true
}
