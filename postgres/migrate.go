package postgres

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"sluice/migrations"
)

// Migration is one step of the schema.
type Migration struct {
	// Version is the number that its file begins with.
	Version int64
	// Name is the file's; empty where this program has none of that version.
	Name string
	// AppliedAt is zero where it is pending.
	AppliedAt time.Time
	// Oldest is the last step of the oldest program that may still write after it; 0 where this program knows of none.
	Oldest int64
}

// NewerError says that tables had steps that this program does not know: what it takes them for, they may not be.
type NewerError struct {
	// Tables is the version of their last step, Known that of the program's, Oldest that of the oldest program that may
	// still write to them, which their last step says.
	Tables, Known, Oldest int64
}

// MayWrite says that what this program writes fits the tables all the same.
func (e *NewerError) MayWrite() bool { return e.Known >= e.Oldest }

func (e *NewerError) Error() string {
	newer := fmt.Sprintf("the tables are at migration %d and this sluice knows none after %d: a newer one has migrated them", e.Tables, e.Known)
	if e.MayWrite() {
		return newer + ". What this one writes still fits; replace it with the newer one"
	}
	return newer + ", and there is no way back. " +
		"Use the newer one, or give this one a database of its own, from a backup of before"
}

// Migrate applies every pending step, in order, each in its own transaction, and returns those that it
// applied. Any number of processes may migrate one database at once: one applies, the others wait. Tables that a newer
// program has migrated are a [NewerError], also where this one may write to them.
func Migrate(ctx context.Context, databaseURL string) ([]Migration, error) {
	var applied []Migration
	err := withMigrations(databaseURL, func(p *goose.Provider, db *sql.DB) error {
		// Most starts have nothing to do, and need no lock to see that.
		if pending, err := p.HasPending(ctx); err != nil || !pending {
			return errors.Join(err, notNewer(ctx, p, db))
		}
		results, err := p.Up(ctx)
		for _, r := range results {
			if r.Error == nil {
				applied = append(applied, Migration{Version: r.Source.Version, Name: filepath.Base(r.Source.Path), AppliedAt: time.Now().UTC()})
			}
		}
		return errors.Join(err, notNewer(ctx, p, db))
	})
	if violates(err, insufficientPrivilege) {
		return applied, fmt.Errorf("migrate: %w; pending steps are for the tables' owner to apply: sluice migrate up with a DATABASE_URL of theirs", err)
	}
	if err != nil {
		return applied, fmt.Errorf("migrate: %w", err)
	}
	return applied, nil
}

// CheckMigrations is a [NewerError] where a newer program has migrated the tables. It changes nothing.
func CheckMigrations(ctx context.Context, databaseURL string) error {
	return withMigrations(databaseURL, func(p *goose.Provider, db *sql.DB) error { return notNewer(ctx, p, db) })
}

// ShutOut is a [NewerError] where a newer program has migrated the tables and this one may not write to them any more.
func ShutOut(ctx context.Context, databaseURL string) error {
	err := CheckMigrations(ctx, databaseURL)
	if newer, ok := errors.AsType[*NewerError](err); ok && newer.MayWrite() {
		return nil
	}
	return err
}

func notNewer(ctx context.Context, p *goose.Provider, db *sql.DB) error {
	all, err := steps(ctx, p, db)
	if err != nil {
		return err
	}
	known := p.ListSources()
	e := &NewerError{Tables: all[len(all)-1].Version, Known: known[len(known)-1].Version}
	if e.Tables <= e.Known {
		return nil
	}
	// Asked last: whoever migrates meanwhile can but name a newer one.
	if e.Oldest, err = oldestWriter(ctx, db); err != nil {
		return err
	}
	return e
}

// OldestWriter is the last step of the oldest program that may write to the tables; 0 where they have no step yet that
// says so.
func OldestWriter(ctx context.Context, databaseURL string) (oldest int64, err error) {
	err = withMigrations(databaseURL, func(_ *goose.Provider, db *sql.DB) error {
		var says bool
		if err := db.QueryRowContext(ctx, "SELECT to_regprocedure('oldest_writer()') IS NOT NULL").Scan(&says); err != nil || !says {
			return err
		}
		oldest, err = oldestWriter(ctx, db)
		return err
	})
	return oldest, err
}

func oldestWriter(ctx context.Context, db *sql.DB) (oldest int64, err error) {
	if err = db.QueryRowContext(ctx, "SELECT oldest_writer()").Scan(&oldest); err != nil {
		err = fmt.Errorf("the oldest sluice that may write to the tables: %w", err)
	}
	return oldest, err
}

// MigrationStatus lists every step, applied or pending, in order; also those that a newer program has applied. It
// changes nothing: a database without tables has had none.
func MigrationStatus(ctx context.Context, databaseURL string) (all []Migration, err error) {
	err = withMigrations(databaseURL, func(p *goose.Provider, db *sql.DB) error {
		all, err = steps(ctx, p, db)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("migration status: %w", err)
	}
	return all, nil
}

// steps are the program's, and those that the database has had, by version.
func steps(ctx context.Context, p *goose.Provider, db *sql.DB) ([]Migration, error) {
	by := map[int64]Migration{}
	for _, s := range p.ListSources() {
		step, err := migrations.FS.ReadFile(s.Path)
		if err != nil {
			return nil, err
		}
		by[s.Version] = Migration{Version: s.Version, Name: filepath.Base(s.Path), Oldest: migrations.OldestWriter(string(step))}
	}
	var there bool
	if err := db.QueryRowContext(ctx, "SELECT to_regclass('goose_db_version') IS NOT NULL").Scan(&there); err != nil {
		return nil, err
	}
	if there {
		rows, err := db.QueryContext(ctx, "SELECT version_id, max(tstamp) FROM goose_db_version WHERE version_id > 0 AND is_applied GROUP BY 1")
		if err != nil {
			return nil, err
		}
		defer func() { _ = rows.Close() }() // what failed is said by Err
		for rows.Next() {
			var version int64
			var at time.Time
			if err := rows.Scan(&version, &at); err != nil {
				return nil, err
			}
			had := by[version]
			had.Version, had.AppliedAt = version, at
			by[version] = had
		}
		if err := rows.Err(); err != nil {
			return nil, err
		}
	}
	return slices.SortedFunc(maps.Values(by), func(a, b Migration) int { return cmp.Compare(a.Version, b.Version) }), nil
}

func withMigrations(databaseURL string, do func(*goose.Provider, *sql.DB) error) error {
	cfg, err := pgx.ParseConfig(databaseURL)
	if err != nil {
		return redact(err)
	}
	cfg.ConnectTimeout = 10 * time.Second
	cfg.RuntimeParams["application_name"] = "sluice migrate"
	cfg.RuntimeParams["timezone"] = "UTC" // what goose notes is the session's time, without its zone
	db := stdlib.OpenDB(*cfg)
	// Tried every second for five minutes: a migration of large tables may take that long.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
	if err != nil {
		return errors.Join(err, db.Close())
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, migrations.FS,
		goose.WithSessionLocker(locker), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return errors.Join(err, db.Close())
	}
	return errors.Join(do(provider, db), provider.Close()) // closes db too
}
