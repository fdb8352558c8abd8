package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// CreateDatabase makes a database; one that is there already is left as it is.
func (c *Cluster) CreateDatabase(ctx context.Context, name string) error {
	err := c.execute(ctx, "postgres", "CREATE DATABASE "+pgx.Identifier{name}.Sanitize())
	var pg *pgconn.PgError
	// duplicate_database; unique_violation where another process creates it at this moment.
	if errors.As(err, &pg) && (pg.Code == "42P04" || pg.Code == "23505") {
		return nil
	}
	return err
}

// CopyDatabase makes a database as a copy of another one, to which nobody may be connected.
func (c *Cluster) CopyDatabase(ctx context.Context, name, template string) error {
	return c.execute(ctx, "postgres", fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s",
		pgx.Identifier{name}.Sanitize(), pgx.Identifier{template}.Sanitize()))
}

// DropDatabase deletes a database and ends the connections to it; one that is not there is no error.
func (c *Cluster) DropDatabase(ctx context.Context, name string) error {
	return c.execute(ctx, "postgres", fmt.Sprintf("DROP DATABASE IF EXISTS %s WITH (FORCE)", pgx.Identifier{name}.Sanitize()))
}

// execute runs one statement on a connection of its own.
func (c *Cluster) execute(ctx context.Context, database, statement string) error {
	if c.given != "" {
		database = "" // the operator's role may have no access to "postgres"
	}
	conn, err := pgx.Connect(ctx, c.URL(database))
	if err != nil {
		return fmt.Errorf("connect to Postgres: %w", err)
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(context.WithoutCancel(ctx)))
}
