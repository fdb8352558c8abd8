package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"sluice/postgres"
)

// migrateCmd is about the schema of the tables.
type migrateCmd struct {
	Up     migrateUpCmd     `cmd:"" help:"Apply every pending migration. Any number of processes may do it at once."`
	Status migrateStatusCmd `cmd:"" help:"List the migrations, applied or pending, and which releases may still write after each. Exits with 1 where one is pending."`
}

type migrateUpCmd struct{}

// Run migrates.
func (migrateUpCmd) Run(ctx context.Context, m *Main) (err error) {
	t, err := m.reachTables(ctx, postgres.DefaultDatabase, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Close(ctx)) }()
	applied, err := t.migrate(ctx, m)
	if err != nil {
		return err
	}
	for _, step := range applied {
		fmt.Fprintln(m.Stdout, "applied", step.Name)
	}
	if len(applied) == 0 {
		fmt.Fprintln(m.Stdout, "nothing to apply:", t.Cluster.Describe(), "is up to date")
	}
	return nil
}

type migrateStatusCmd struct{}

var errPending = errors.New("migrations are pending; sluice migrate up applies them")

// Run lists.
func (migrateStatusCmd) Run(ctx context.Context, m *Main) (err error) {
	t, err := m.findTables(ctx, postgres.DefaultDatabase)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Close(ctx)) }()
	steps, err := postgres.MigrationStatus(ctx, t.URL)
	if err != nil {
		return err
	}
	pending, known := false, int64(0)
	table := newTable(m.Stdout, "version", "name", "applied at", "writers since")
	for _, s := range steps {
		at := "pending"
		if !s.AppliedAt.IsZero() {
			at = s.AppliedAt.Format(time.RFC3339)
		}
		since := "" // a step that says nothing of that, or a newer sluice's
		if s.Oldest > 0 {
			since = strconv.FormatInt(s.Oldest, 10)
		}
		pending = pending || s.AppliedAt.IsZero()
		if s.Name != "" {
			known = s.Version
		}
		table.row(strconv.FormatInt(s.Version, 10), cmp.Or(s.Name, "of a newer sluice"), at, since)
	}
	table.flush()
	oldest, err := postgres.OldestWriter(ctx, t.URL)
	if err != nil {
		return err
	}
	if oldest > 0 {
		fmt.Fprintf(m.Stdout, "\nsluices that know migration %d or a later one may write to these tables; this one knows %d\n", oldest, known)
	}
	if pending {
		return errPending
	}
	return nil
}
