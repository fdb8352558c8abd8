package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"sluice"
)

// Forgotten counts what an erasure removed.
type Forgotten struct {
	// Queries with all their answers, verdicts, labels, analyses and examples.
	Queries int64 `json:"queries"`
	// DeadLetters that named one of the queries, or that were named.
	DeadLetters int64 `json:"dead_letters"`
	// Calls that stay in the ledger, and now say neither which query nor which tenant they were for.
	Calls int64 `json:"calls"`
	// Decisions about the queries, and Feedback on those.
	Decisions int64 `json:"decisions"`
	Feedback  int64 `json:"feedback"`
	// Fresh counts the keys that were not forgotten before.
	Fresh int64 `json:"fresh"`
}

// Rows is how many rows were erased or made nobody's.
func (f Forgotten) Rows() int64 {
	return f.Queries + f.DeadLetters + f.Calls + f.Decisions + f.Feedback
}

// Forget erases queries of a tenant from every table in one transaction and remembers their keys, so that the recorder
// drops facts about them that are still on their way, and [DB.KeysOfTenant] knows them still. deadLetters names letters
// that hold a query without naming it (what died at the ring's entrance). Forgetting twice is forgetting once.
func (db *DB) Forget(ctx context.Context, tenant string, keys, deadLetters []string) (Forgotten, error) {
	var f Forgotten
	err := pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		fresh, err := tx.Exec(ctx, `INSERT INTO forgotten (query_key, tenant_key)
			SELECT DISTINCT key, $2 FROM unnest($1::text[]) u (key) ORDER BY key ON CONFLICT DO NOTHING`, keys, sluice.TenantKey(tenant))
		if err != nil {
			return err
		}
		f.Fresh = fresh.RowsAffected()
		if _, err := tx.Exec(ctx, `INSERT INTO forgotten_decisions (decision_id)
			SELECT DISTINCT id FROM decisions WHERE query_key = ANY ($1) ORDER BY id ON CONFLICT DO NOTHING`, keys); err != nil {
			return err
		}
		for _, step := range []struct {
			count *int64
			sql   string
			args  []any
		}{
			{&f.DeadLetters, `DELETE FROM dead_letters WHERE query_key = ANY ($1) OR id = ANY ($2)`, []any{keys, deadLetters}},
			{&f.Calls, `UPDATE calls SET query_key = NULL, tenant = '' WHERE query_key = ANY ($1)`, []any{keys}},
			{&f.Feedback, `DELETE FROM feedback f USING decisions d WHERE d.id = f.decision_id AND d.query_key = ANY ($1)`, []any{keys}},
			{new(int64), `DELETE FROM samples WHERE query_key = ANY ($1)
				OR decision_id IN (SELECT id FROM decisions WHERE query_key = ANY ($1))`, []any{keys}},
			{&f.Decisions, `DELETE FROM decisions WHERE query_key = ANY ($1)`, []any{keys}},
			// The rest cascades. It is the last, for no child of any query is written from here to the commit.
			{&f.Queries, `DELETE FROM queries WHERE key = ANY ($1)`, []any{keys}},
		} {
			tag, err := tx.Exec(ctx, step.sql, step.args...)
			if err != nil {
				return err
			}
			*step.count = tag.RowsAffected()
		}
		return nil
	})
	if err != nil {
		return Forgotten{}, fmt.Errorf("forget %d queries: %w", len(keys), err)
	}
	return f, nil
}

// ForgetTenant erases what names a tenant and no query: its words on answers, those on decisions that are gone from
// the tables included; and its name in the hours' spend, whose money goes on to be nobody's. It counts the rows.
func (db *DB) ForgetTenant(ctx context.Context, tenant string) (rows int64, err error) {
	err = pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		for _, sql := range []string{
			`DELETE FROM feedback WHERE tenant = $1`,
			`INSERT INTO spend_hours AS h SELECT hour_at, '', key_id, model, decisions, cost_microusd FROM spend_hours WHERE tenant = $1
			 ON CONFLICT (hour_at, tenant, key_id, model) DO UPDATE
			 SET decisions = h.decisions + excluded.decisions, cost_microusd = h.cost_microusd + excluded.cost_microusd`,
			`DELETE FROM spend_hours WHERE tenant = $1`,
		} {
			tag, err := tx.Exec(ctx, sql, tenant)
			if err != nil {
				return err
			}
			if tag.Delete() {
				rows += tag.RowsAffected()
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("forget tenant: %w", err)
	}
	return rows, nil
}

// KeysOfTenant lists the keys of a tenant's queries: those in the tables, those that the ledger alone
// still names, those that were asked online, and those that were forgotten, of which the log may hold something yet.
func (db *DB) KeysOfTenant(ctx context.Context, tenant string) ([]string, error) {
	return db.keys(ctx, `SELECT key FROM queries WHERE tenant = $1
		UNION SELECT query_key FROM calls WHERE tenant = $1 AND query_key IS NOT NULL
		UNION SELECT query_key FROM decisions WHERE tenant = $1
		UNION SELECT query_key FROM samples WHERE tenant = $1
		UNION SELECT query_key FROM forgotten WHERE tenant_key = $2 AND query_key <> $2 ORDER BY 1`, tenant, sluice.TenantKey(tenant))
}

// KeysOfID lists the keys of the queries to which upstream gave an id, whatever their tenant.
func (db *DB) KeysOfID(ctx context.Context, id string) ([]string, error) {
	return db.keys(ctx, `SELECT key FROM queries WHERE id = $1
		UNION SELECT query_key FROM decisions WHERE query_id = $1 ORDER BY 1`, id)
}

func (db *DB) keys(ctx context.Context, sql string, args ...any) ([]string, error) {
	rows, err := db.pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("list queries: %w", err)
	}
	keys, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("list queries: %w", err)
	}
	return keys, nil
}
