package main

import (
	"context"
	"errors"
	"path/filepath"
	"time"

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
	t, err := m.findTables(ctx, database)
	if err != nil {
		return nil, err
	}
	if err := t.migrate(ctx, m); err != nil {
		return nil, errors.Join(err, t.Close(ctx))
	}
	return t, nil
}

// findTables is openTables without the migrations.
func (m *Main) findTables(ctx context.Context, database string) (*openedTables, error) {
	cluster, err := m.startPostgres(ctx)
	if err != nil {
		return nil, err
	}
	if !cluster.Private() {
		database = ""
	}
	return &openedTables{Cluster: cluster, URL: cluster.URL(database)}, nil
}

func (m *Main) startPostgres(ctx context.Context) (*postgres.Cluster, error) {
	return postgres.Start(ctx, postgres.Options{
		DatabaseURL: m.config.Secrets.DatabaseURL.Reveal(),
		Dir:         filepath.Join(m.config.DataDir, "postgres"),
		BinDir:      m.config.Postgres.BinDir,
		Log:         m.log,
	})
}

func (t *openedTables) migrate(ctx context.Context, m *Main) error {
	applied, err := postgres.Migrate(ctx, t.URL)
	for _, step := range applied {
		m.log.Info("migration applied", "step", step.Name)
	}
	return err
}

// stopPatience bounds how long Postgres may take to shut down cleanly.
const stopPatience = 30 * time.Second

// Close stops the private cluster if nobody else uses it, even where ctx has ended already.
func (t *openedTables) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopPatience)
	defer cancel()
	return t.Cluster.Stop(ctx)
}
