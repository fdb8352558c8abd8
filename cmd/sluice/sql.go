package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"sluice/postgres"
)

// sqlCmd asks the tables, as the read-only role analyst.
type sqlCmd struct {
	Demo  bool   `help:"Ask the tables of the last demo."`
	JSON  bool   `name:"json" help:"One JSON object a row."`
	Query string `arg:"" help:"One SQL statement; docs/analysts.md has thirty."`
}

// Run asks and prints a table.
func (c *sqlCmd) Run(ctx context.Context, m *Main) error {
	return m.withAnalyst(ctx, c.Demo, "sluice sql", c.ask)
}

// withAnalyst opens a session on the tables, or on the last demo's, that may read and nothing else.
func (m *Main) withAnalyst(ctx context.Context, demo bool, name string, do func(context.Context, *Main, *postgres.DB) error) (err error) {
	database := postgres.DefaultDatabase
	if demo {
		database = demoDatabase
	}
	t, err := m.findTables(ctx, database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Close(ctx)) }()
	as, err := t.asAnalyst(ctx, database)
	if err != nil {
		return err
	}
	db, err := postgres.Connect(ctx, as, name, 1)
	if postgres.RoleRefused(err) && m.config.Secrets.DatabaseURL.Set() { // in a cluster of ours the migrations make the role
		return fmt.Errorf(`%w; "A Postgres of yours" in docs/security.md has the statements that make the role and grant it`, err)
	}
	if err != nil {
		return fmt.Errorf("%w; are the tables there? sluice migrate up, or sluice demo, makes them", err)
	}
	defer db.Close()
	return do(ctx, m, db)
}

func (c *sqlCmd) ask(ctx context.Context, m *Main, db *postgres.DB) error {
	if super, err := db.Superuser(ctx); err == nil && super {
		fmt.Fprintln(m.Stderr, "note: the user of DATABASE_URL is a superuser: a statement that leaves the role analyst may read files and run programs "+
			"there. For statements of others use a login that has the role analyst alone (docs/analysts.md)")
	}
	result, err := db.Look(ctx, c.Query)
	if err != nil {
		return err
	}
	if c.JSON {
		return writeRows(m.Stdout, result)
	}
	showRows(m.Stdout, result)
	fmt.Fprintln(m.Stderr, several(len(result.Rows), "row", "rows"))
	return nil
}

// asAnalyst is the URL of a session that may read and nothing else. On a server of its owner's it is one of the user of
// DATABASE_URL, who sets the role.
func (t *openedTables) asAnalyst(ctx context.Context, database string) (string, error) {
	const reading = "-c default_transaction_read_only=on"
	if !t.Cluster.Private() {
		return withOptions(t.URL, "-c role=analyst "+reading), nil
	}
	u, err := t.Cluster.AnalystURL(ctx, database)
	return withOptions(u, reading), err
}

// withOptions is a database's URL with settings for its sessions.
func withOptions(database, options string) string {
	u, err := url.Parse(database)
	if err != nil || u.Scheme == "" {
		return database + " options='" + options + "'"
	}
	q := u.Query()
	q.Set("options", strings.TrimSpace(q.Get("options")+" "+options))
	u.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20") // as libpq and pgx read it
	return u.String()
}

// writeRows writes one JSON object a row, its keys in the order of the alphabet.
func writeRows(w io.Writer, t postgres.Table) error {
	for _, row := range t.Rows {
		object := make(map[string]any, len(row))
		for i, v := range row {
			object[t.Columns[i]] = v
		}
		if err := printJSONAs(w, jsonForm{verbatim: true}, object); err != nil {
			return fmt.Errorf("print a row: %w", err)
		}
	}
	return nil
}

// demoDatabase is the database of the private cluster that every demo makes afresh.
const demoDatabase = "sluice_demo"
