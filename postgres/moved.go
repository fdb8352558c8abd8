package postgres

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"sluice/wholefile"
)

// A cluster that moved away from its directory is not deleted with it. Where both are temporary, as in a test
// that runs as root, that would fill the disk; so each such cluster says whose it is, and whoever makes the
// next one removes those that nobody can ask for any more.

// ownerFile, in a moved cluster, names the directory that was asked for.
const ownerFile = "MOVED-FROM.txt"

// claim names the directory that a moved cluster belongs to, and sweeps if both are temporary.
func (l layout) claim(asked string) error {
	if err := wholefile.Write(l.file(ownerFile), []byte(asked), 0o644); err != nil { // half a name is that of no directory
		return fmt.Errorf("start Postgres: %w", err)
	}
	if filepath.Dir(l.dir) != temporaryState() {
		return nil
	}
	others, _ := filepath.Glob(filepath.Join(temporaryState(), "*")) // the pattern is well-formed
	for _, dir := range others {
		sweepMoved(dir)
	}
	return nil
}

// sweepMoved removes a moved cluster whose directory is gone and that nobody uses. One that names none stays.
func sweepMoved(dir string) {
	asked, err := os.ReadFile(filepath.Join(dir, ownerFile))
	if err != nil || !filepath.IsAbs(string(asked)) {
		return
	}
	if _, err := os.Stat(string(asked)); !errors.Is(err, os.ErrNotExist) { //nolint:gosec // it is only looked at
		return
	}
	users, err := os.OpenFile(filepath.Join(dir, "users"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return
	}
	defer func() { _ = users.Close() }() // releases the lock
	if flock(users, syscall.LOCK_EX) == nil {
		_ = os.RemoveAll(dir) // what can't be removed is tried again by the next one
	}
}

// temporaryState is where clusters go that moved away from a temporary directory.
func temporaryState() string { return filepath.Join(os.TempDir(), "sluice-state") }
