package postgres

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
)

// Options say where Postgres comes from. Either DatabaseURL or Dir must be set.
type Options struct {
	// DatabaseURL is a server of the operator's (DATABASE_URL); where it is set nothing is started or stopped
	// and every other field is ignored.
	DatabaseURL string
	// Dir is where the private cluster lives. It is made if it is not there.
	Dir string
	// BinDir holds postgres and initdb (SLUICE_PG_BIN); empty means search for them, or fetch them.
	BinDir string
	// CacheDir is where fetched programs are kept; empty means "sluice/postgres" in the user's cache
	// directory.
	CacheDir string
	// Offline forbids fetching.
	Offline bool
	// Fast is for tests: a crash of the machine loses the cluster.
	Fast bool
	// Log hears what takes long or is surprising; nil for silence.
	Log *slog.Logger
}

func (o Options) log(msg string, args ...any) {
	if o.Log != nil {
		o.Log.Info(msg, args...)
	}
}

// debug is for what nobody needs to know as long as all is well.
func (o Options) debug(msg string, args ...any) {
	if o.Log != nil {
		o.Log.Debug(msg, args...)
	}
}

// Where root's clusters and fetched programs go when the directory asked for is closed to the user that
// the server runs as.
const (
	fallbackState = "/var/lib/sluice"
	fallbackCache = "/var/cache/sluice"
)

// socketPort is a part of the name of a private cluster's socket, on which alone it listens.
const socketPort = "5432"

// layout is the set of paths of one cluster.
type layout struct {
	dir, data, socket string
	account           account
	// moved says why dir is not the one that was asked for; empty if it is.
	moved string
}

func (l layout) file(name string) string { return filepath.Join(l.dir, name) }

func newLayout(o Options) (layout, error) {
	if o.Dir == "" {
		return layout{}, errors.New("start Postgres: neither a database URL nor a directory was given")
	}
	asked, err := filepath.Abs(o.Dir)
	if err != nil {
		return layout{}, fmt.Errorf("start Postgres: %w", err)
	}
	who, err := accountFor(filepath.Join(asked, "data"))
	if err != nil {
		return layout{}, err
	}
	l := layout{account: who}
	l.dir, l.moved = who.place(asked, fallbackState)
	if l.moved != "" { // an existing cluster's owner goes before the default here too
		if l.account, err = accountFor(filepath.Join(l.dir, "data")); err != nil {
			return layout{}, err
		}
	}
	l.data, l.socket = filepath.Join(l.dir, "data"), socketDir(l.dir)
	return l, l.make(asked)
}

// make creates the directories and, where the cluster moved, leaves a note in the one asked for.
func (l layout) make(asked string) error {
	for _, dir := range []string{asked, l.dir} {
		if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // the server's user must pass through
			return fmt.Errorf("start Postgres: %w", err)
		}
	}
	if l.moved != "" {
		note := filepath.Join(asked, "MOVED.txt")
		if err := os.WriteFile(note, []byte(l.moved+"\n"), 0o644); err != nil { //nolint:gosec // for people
			return fmt.Errorf("start Postgres: %w", err)
		}
		if err := l.claim(asked); err != nil {
			return err
		}
	}
	return l.makeSocketDir()
}

// cacheDir is where fetched programs are kept.
func cacheDir(o Options, who account) string {
	dir := o.CacheDir
	if dir == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			base = os.TempDir()
		}
		dir = filepath.Join(base, "sluice", "postgres")
	}
	placed, _ := who.place(dir, fallbackCache)
	return placed
}
