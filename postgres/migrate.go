package postgres

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
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
	Name    string
	// AppliedAt is zero where it is pending.
	AppliedAt time.Time
}

// Migrate applies every pending step, in order, each in its own transaction, and returns those that it
// applied. Any number of processes may migrate one database at once: one applies, the others wait.
func Migrate(ctx context.Context, databaseURL string) ([]Migration, error) {
	var applied []Migration
	err := withMigrations(databaseURL, func(p *goose.Provider) error {
		// Most starts have nothing to do, and need no lock to see that.
		if pending, err := p.HasPending(ctx); err != nil || !pending {
			return err
		}
		results, err := p.Up(ctx)
		for _, r := range results {
			if r.Error == nil {
				applied = append(applied, Migration{Version: r.Source.Version, Name: filepath.Base(r.Source.Path), AppliedAt: time.Now().UTC()})
			}
		}
		return err
	})
	if violates(err, insufficientPrivilege) {
		return applied, fmt.Errorf("migrate: %w; pending steps are for the tables' owner to apply: sluice migrate up with a DATABASE_URL of theirs", err)
	}
	if err != nil {
		return applied, fmt.Errorf("migrate: %w", err)
	}
	return applied, nil
}

// MigrationStatus lists every step, applied or pending, in order. It changes nothing but the table of
// applied steps, which it makes where there is none.
func MigrationStatus(ctx context.Context, databaseURL string) ([]Migration, error) {
	var all []Migration
	err := withMigrations(databaseURL, func(p *goose.Provider) error {
		states, err := p.Status(ctx)
		for _, s := range states {
			all = append(all, Migration{Version: s.Source.Version, Name: filepath.Base(s.Source.Path), AppliedAt: s.AppliedAt.UTC()})
			if s.State == goose.StatePending {
				all[len(all)-1].AppliedAt = time.Time{}
			}
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("migration status: %w", err)
	}
	return all, nil
}

func withMigrations(databaseURL string, do func(*goose.Provider) error) error {
	cfg, err := pgx.ParseConfig(databaseURL)
	if err != nil {
		return redact(err)
	}
	cfg.ConnectTimeout = 10 * time.Second
	cfg.RuntimeParams["application_name"] = "sluice migrate"
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
	return errors.Join(do(provider), provider.Close()) // closes db too
}
