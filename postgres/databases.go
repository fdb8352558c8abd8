package postgres

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// CreateDatabase makes a database; one that is there already is left as it is.
func (c *Cluster) CreateDatabase(ctx context.Context, name string) error {
	return c.connected(ctx, func(conn *pgx.Conn) error {
		var there bool
		if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&there); err != nil || there {
			return err
		}
		_, err := conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize())
		if violates(err, "42P04") || violates(err, uniqueViolation) { // another process was faster
			return nil
		}
		return err
	})
}

// CopyDatabase makes a database as a copy of another one, to which nobody may be connected.
func (c *Cluster) CopyDatabase(ctx context.Context, name, template string) error {
	return c.execute(ctx, fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s",
		pgx.Identifier{name}.Sanitize(), pgx.Identifier{template}.Sanitize()))
}

// DropDatabase deletes a database and ends the connections to it; one that is not there is no error.
func (c *Cluster) DropDatabase(ctx context.Context, name string) error {
	return c.execute(ctx, fmt.Sprintf("DROP DATABASE IF EXISTS %s WITH (FORCE)", pgx.Identifier{name}.Sanitize()))
}

// AnalystURL is the URL of a session that reads, of a private cluster's database: its user is the role analyst and no
// other, so that no statement has more rights than that, whatever role it sets. The role may log in from then on, by
// the socket, which is private; where no migration has made it yet, it is missing when somebody connects.
func (c *Cluster) AnalystURL(ctx context.Context, database string) (string, error) {
	u, err := url.Parse(c.URL(database))
	if err != nil {
		return "", fmt.Errorf("the URL of a session that reads: %w", err)
	}
	u.User = url.User(analyst)
	return u.String(), c.execute(ctx, letAnalystIn)
}

// analyst is the role that migration 0004 makes, letAnalystIn what makes it a user: once, though several come at once.
const (
	analyst      = "analyst"
	letAnalystIn = `DO $$ BEGIN
		PERFORM pg_advisory_xact_lock(hashtextextended('sluice: analyst', 0));
		IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'analyst' AND NOT rolcanlogin) THEN
			ALTER ROLE analyst LOGIN;
		END IF;
	END $$`
)

// execute runs one statement.
func (c *Cluster) execute(ctx context.Context, statement string) error {
	return c.connected(ctx, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, statement)
		return err
	})
}

// connected runs something on a connection of its own, to a database that is always there.
func (c *Cluster) connected(ctx context.Context, do func(*pgx.Conn) error) error {
	database := "postgres"
	if c.given != "" {
		database = "" // the operator's role may have no access to "postgres"
	}
	conn, err := pgx.Connect(ctx, c.URL(database))
	if err != nil {
		return fmt.Errorf("connect to Postgres: %w", err)
	}
	return errors.Join(do(conn), conn.Close(context.WithoutCancel(ctx)))
}

// goingDown says whether an error is that of a server that ends, or has ended.
func goingDown(err error) bool {
	var refused *pgconn.ConnectError
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return len(pg.Code) == 5 && pg.Code[:3] == "57P" // shutting down, starting up, shut down by an administrator
	}
	return errors.As(err, &refused)
}
