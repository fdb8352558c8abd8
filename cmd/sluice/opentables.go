package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"sluice/config"
	"sluice/gateway/page"
	"sluice/postgres"
)

// openedTables is Postgres as this process reaches it.
type openedTables struct {
	Cluster *postgres.Cluster
	// URL is the database's; it may hold a password.
	URL string
}

// openTables finds or starts Postgres and migrates the database: DATABASE_URL's own, or the named one of
// the private cluster.
func (m *Main) openTables(ctx context.Context, database string) (*openedTables, error) {
	t, err := m.reachTables(ctx, database, m.log)
	if err != nil {
		return nil, err
	}
	applied, err := t.migrate(ctx, m)
	for _, step := range applied {
		m.log.Info("migration applied", "step", step.Name)
	}
	if err != nil {
		return nil, errors.Join(err, t.Close(ctx))
	}
	return t, nil
}

// findTables is openTables without the migrations, and silent: for commands that only look. They may look at tables of a
// newer sluice, too, and are told so.
func (m *Main) findTables(ctx context.Context, database string) (*openedTables, error) {
	t, err := m.reachTables(ctx, database, nil)
	if err != nil {
		return nil, err
	}
	// Whatever else is wrong with the tables, whoever looks finds.
	if newer, ok := errors.AsType[*postgres.NewerError](postgres.CheckMigrations(ctx, t.URL)); ok {
		fmt.Fprintln(m.Stderr, "warning:", newer)
	}
	return t, nil
}

func (m *Main) reachTables(ctx context.Context, database string, log *slog.Logger) (*openedTables, error) {
	cluster, err := m.startPostgres(ctx, log)
	if err != nil {
		return nil, err
	}
	if !cluster.Private() {
		database = ""
	}
	return &openedTables{Cluster: cluster, URL: cluster.URL(database)}, nil
}

func (m *Main) startPostgres(ctx context.Context, log *slog.Logger) (*postgres.Cluster, error) {
	return postgres.Start(ctx, postgres.Options{
		DatabaseURL: m.config.Secrets.DatabaseURL.Reveal(),
		Dir:         filepath.Join(m.config.DataDir, "postgres"),
		BinDir:      m.config.Postgres.BinDir,
		Log:         log,
	})
}

// migrate applies what is pending. Tables of a newer sluice are a warning where this one may write to them.
func (t *openedTables) migrate(ctx context.Context, m *Main) ([]postgres.Migration, error) {
	applied, err := postgres.Migrate(ctx, t.URL)
	if newer, ok := errors.AsType[*postgres.NewerError](err); ok && newer.MayWrite() {
		m.log.Warn(newer.Error())
		return applied, nil
	}
	return applied, err
}

// askedAgain is how often who writes to the tables asks whether it still may.
const askedAgain = 10 * time.Second

// untilShutOut is nil once ctx ends, or why this sluice may not write to the tables any more: a newer one has migrated
// them. Whatever else is wrong with them, whoever writes finds.
func untilShutOut(ctx context.Context, url string) error {
	tick := time.NewTicker(askedAgain)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if newer, ok := errors.AsType[*postgres.NewerError](postgres.ShutOut(ctx, url)); ok {
				return newer
			}
		}
	}
}

// stopPatience bounds how long Postgres may take to shut down cleanly.
const stopPatience = 30 * time.Second

// Close stops the private cluster if nobody else uses it, even where ctx has ended already.
func (t *openedTables) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopPatience)
	defer cancel()
	return t.Cluster.Stop(ctx)
}

// shownURL is the database's URL without its password.
func (t *openedTables) shownURL() string { return config.WithoutPassword(t.URL) }

// lazyTables opens the tables when they are first wanted, and closes them if they were.
type lazyTables struct {
	m        *Main
	database string
	// prepare, where set, makes the database ready in place of opening it as it is.
	prepare func(context.Context) (*openedTables, error)

	mu     sync.Mutex
	opened *openedTables
}

// open gives the database's URL.
func (z *lazyTables) open(ctx context.Context) (string, error) {
	prepare := z.prepare
	if prepare == nil {
		prepare = func(ctx context.Context) (*openedTables, error) { return z.m.openTables(ctx, z.database) }
	}
	t, err := prepare(ctx)
	if err != nil {
		return "", err
	}
	z.mu.Lock()
	z.opened = t
	z.mu.Unlock()
	return t.URL, nil
}

// get is the opened tables; nil if they are not open.
func (z *lazyTables) get() *openedTables {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.opened
}

// url is where the tables are once they are open.
func (z *lazyTables) url() (string, error) {
	if t := z.get(); t != nil {
		return t.URL, nil
	}
	return "", page.Absent("the tables are still being opened")
}

// Close closes what was opened.
func (z *lazyTables) Close(ctx context.Context) error {
	if t := z.get(); t != nil {
		return t.Close(ctx)
	}
	return nil
}
