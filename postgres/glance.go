package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice"
)

// Online reads the tables of the online ring by db's pool, which stays db's: it is not to be closed, and
// nothing may be written by it.
func (db *DB) Online(now func() time.Time) *Online {
	return &Online{pool: db.pool, now: now, days: map[time.Time]bool{}}
}

// MatrixCell is how often two grades met.
type MatrixCell struct {
	Medium, Large sluice.Grade
	Queries       int64
}

// Met counts, for a pair of models and a version of the judge, how often each two grades met, whatever key the
// pair's arms are named by. Cells where none did may be missing. It says what the view oracle_matrix does.
func (db *DB) Met(ctx context.Context, pair, judge string) ([]MatrixCell, error) {
	rows, err := db.pool.Query(ctx, `SELECT medium_grade, large_grade, sum(queries)::bigint FROM oracle_matrix
		WHERE (pair = $1 OR pair LIKE $1 || '-%') AND judge_version = $2 GROUP BY 1, 2`, pair, judge)
	if err != nil {
		return nil, fmt.Errorf("read the oracle matrix: %w", err)
	}
	cells, err := pgx.CollectRows(rows, pgx.RowToStructByPos[MatrixCell])
	if err != nil {
		return nil, fmt.Errorf("read the oracle matrix: %w", err)
	}
	return cells, nil
}

// Fate is what became of a router, as the view models tells it: "promoted", "retired", "refused" or
// "registered", and why.
type Fate struct{ Status, Reason string }

// Fates are those of all registered routers, by version.
func (db *DB) Fates(ctx context.Context) (map[string]Fate, error) {
	rows, err := db.pool.Query(ctx, `SELECT version, status, coalesce(reason, '') FROM models`)
	if err != nil {
		return nil, fmt.Errorf("read the fates of routers: %w", err)
	}
	fates := map[string]Fate{}
	var version string
	var f Fate
	if _, err := pgx.ForEachRow(rows, []any{&version, &f.Status, &f.Reason}, func() error {
		fates[version] = f
		return nil
	}); err != nil {
		return nil, fmt.Errorf("read the fates of routers: %w", err)
	}
	return fates, nil
}
