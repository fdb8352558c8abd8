package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

// DB is a pool of connections for reading and for the registry. It is safe for concurrent use.
type DB struct{ pool *pgxpool.Pool }

// DefaultConnections is how many connections a pool may hold where nobody says otherwise.
const DefaultConnections = 8

// Connect opens a pool and makes sure that the server answers. name is what the server's own lists call us
// ("sluice record"); connections of 0 means [DefaultConnections].
func Connect(ctx context.Context, databaseURL, name string, connections int) (*DB, error) {
	pool, err := connect(ctx, databaseURL, name, connections, nil)
	if err != nil {
		return nil, err
	}
	return &DB{pool: pool}, nil
}

// Close waits for what is under way and closes every connection.
func (db *DB) Close() { db.pool.Close() }

// dependable are the settings that our promises rest on, whatever the owner of a server made its defaults: what is
// committed is on its disk (Invariant 1), and references can be checked (migration 0008). Stricter ways to commit than
// "on" stay as they are.
const dependable = "SET default_transaction_isolation = 'read committed'; " +
	"SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"

// connect opens a pool; prepare, where given, is run on every new connection.
func connect(ctx context.Context, databaseURL, name string, connections int,
	prepare func(context.Context, *pgx.Conn) error,
) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(databaseURL)
	if err != nil {
		return nil, fmt.Errorf("connect to Postgres: %w", redact(err))
	}
	if connections <= 0 {
		connections = DefaultConnections
	}
	cfg.MaxConns = int32(connections)
	cfg.MaxConnIdleTime = 5 * time.Minute
	cfg.HealthCheckPeriod = 15 * time.Second
	cfg.ConnConfig.ConnectTimeout = 10 * time.Second
	cfg.ConnConfig.RuntimeParams["application_name"] = name
	cfg.ConnConfig.RuntimeParams["timezone"] = "UTC"
	cfg.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, dependable, pgx.QueryExecModeSimpleProtocol); err != nil || prepare == nil {
			return err
		}
		return prepare(ctx, conn)
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("connect to Postgres: %w", redact(err))
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("connect to Postgres: %w", redact(err))
	}
	return pool, nil
}

// How Postgres says that a role is not there, that one may not what was asked, and that a table is not there.
const (
	invalidParameter      = "22023"
	insufficientPrivilege = "42501"
	undefinedTable        = "42P01"
)

// RoleRefused says whether a server refused a session for the role that it asked for: it is not there, or not the
// user's to take.
func RoleRefused(err error) bool {
	return violates(err, invalidParameter) || violates(err, insufficientPrivilege)
}

// TableMissing says whether a table or view is not there: no migration has made it yet.
func TableMissing(err error) bool { return violates(err, undefinedTable) }

// Table is the result of a query, whatever its columns.
type Table struct {
	Columns []string
	// Rows hold nil, string, bool, int16, int32, int64, float64, time.Time (UTC), []byte, []any, and
	// json.Number for a numeric.
	Rows [][]any
}

// Table runs one query and returns all of its rows: for exports, reports and tests.
func (db *DB) Table(ctx context.Context, sql string, args ...any) (Table, error) {
	return table(ctx, db.pool, sql, args...)
}

// Look is Table for the words of people. It changes nothing, whatever they are: they stand in a transaction that
// reads, which a statement of their kind can't end, and which is rolled back: one that reads may make large objects
// before Postgres 16.
func (db *DB) Look(ctx context.Context, sql string) (Table, error) {
	tx, err := db.pool.BeginTx(ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly})
	if err != nil {
		return Table{}, fmt.Errorf("query: %w", err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // or the connection ends, which does the same
	return table(ctx, tx, sql)
}

// Superuser says whether who connected is one, whatever role the session has set: no statement is kept from its rights.
func (db *DB) Superuser(ctx context.Context) (super bool, err error) {
	err = db.pool.QueryRow(ctx, "SELECT rolsuper FROM pg_roles WHERE rolname = session_user").Scan(&super)
	return super, err
}

// Identity says which database of which cluster this is, by whatever address it was reached; empty where the server does
// not tell our user.
func (db *DB) Identity(ctx context.Context) (string, error) {
	var id string
	err := db.pool.QueryRow(ctx, "SELECT format('database %s of cluster %s', current_database(), system_identifier) FROM pg_control_system()").Scan(&id)
	if violates(err, insufficientPrivilege) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("ask which database this is: %w", err)
	}
	return id, nil
}

// asked is a pool, or a transaction.
type asked interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func table(ctx context.Context, q asked, sql string, args ...any) (Table, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return Table{}, fmt.Errorf("query: %w", err)
	}
	var t Table
	for _, f := range rows.FieldDescriptions() {
		t.Columns = append(t.Columns, f.Name)
	}
	t.Rows, err = pgx.CollectRows(rows, values)
	if err != nil {
		return Table{}, fmt.Errorf("query: %w", err)
	}
	return t, nil
}

// values reads a row without letting types of pgx's own out.
func values(row pgx.CollectableRow) ([]any, error) {
	all, err := row.Values()
	if err != nil {
		return nil, err
	}
	for i, v := range all {
		switch v := v.(type) {
		case pgtype.Numeric:
			text, err := v.MarshalJSON()
			if err != nil {
				return nil, err
			}
			if all[i] = nil; v.Valid {
				all[i] = json.Number(strings.Trim(string(text), `"`)) // NaN and infinity are quoted
			}
		case time.Time:
			all[i] = v.UTC()
		}
	}
	return all, nil
}
