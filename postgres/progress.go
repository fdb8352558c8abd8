package postgres

import (
	"context"
	"fmt"
)

// ExampleCount counts the queries that the filter leaves and that have an example: cheap enough to be asked
// again and again while a ring works.
func (db *DB) ExampleCount(ctx context.Context, filter SummaryFilter) (int, error) {
	var n int
	err := db.pool.QueryRow(ctx, `
		SELECT count(DISTINCT e.query_number) FROM examples e
		WHERE ($1::text IS NULL AND $2::text = '') OR EXISTS (
			SELECT FROM queries q WHERE q.number = e.query_number AND ($1::text IS NULL OR q.tenant = $1) AND ($2::text = '' OR q.source = $2))`,
		filter.Tenant, filter.Source).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count examples: %w", err)
	}
	return n, nil
}

// GivenUp counts, of the queries given, those that have a dead letter and no example; and, of the letters
// given, those that are recorded: what died at the ring's entrance names no query.
func (db *DB) GivenUp(ctx context.Context, keys, letters []string) (int, error) {
	var n int
	err := db.pool.QueryRow(ctx, `
		SELECT (SELECT count(*) FROM unnest($1::text[]) u (key)
		        WHERE EXISTS (SELECT FROM dead_letters d WHERE d.query_key = u.key)
		          AND NOT EXISTS (SELECT FROM queries q JOIN examples e ON e.query_number = q.number WHERE q.key = u.key))
		     + (SELECT count(*) FROM dead_letters d WHERE d.id = ANY ($2::text[]))`, keys, letters).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count what was given up: %w", err)
	}
	return n, nil
}
