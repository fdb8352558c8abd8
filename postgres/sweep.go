package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Unlabelled is an accepted query that has no label.
type Unlabelled struct {
	Key        string    `json:"query_key"`
	AcceptedAt time.Time `json:"accepted_at"`
	// Answers and Verdicts count what there is of the query: 2 each is all of one pair.
	Answers  int64 `json:"answers"`
	Verdicts int64 `json:"verdicts"`
	// Dead is the reason of its last dead letter; empty where there is none, so that the query should be
	// on its way.
	Dead string `json:"dead,omitempty"`
}

// MissingLabels lists queries that were accepted before an instant and have no label, oldest first, at most
// limit: what the log's own advisories, which may get lost, can't promise to find.
func (db *DB) MissingLabels(ctx context.Context, acceptedBefore time.Time, limit int) ([]Unlabelled, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT q.key, q.accepted_at,
		       (SELECT count(*) FROM answers a WHERE a.query_key = q.key),
		       (SELECT count(*) FROM verdicts v WHERE v.query_key = q.key),
		       coalesce((SELECT d.reason FROM dead_letters d WHERE d.query_key = q.key ORDER BY d.died_at DESC, d.id LIMIT 1), '')
		FROM queries q
		WHERE q.accepted_at < $1 AND NOT EXISTS (SELECT FROM labels l WHERE l.query_key = q.key)
		ORDER BY q.accepted_at, q.key LIMIT $2`, acceptedBefore, limit)
	if err != nil {
		return nil, fmt.Errorf("look for queries without a label: %w", err)
	}
	missing, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Unlabelled])
	if err != nil {
		return nil, fmt.Errorf("look for queries without a label: %w", err)
	}
	return missing, nil
}
