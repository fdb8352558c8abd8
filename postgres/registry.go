package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"sluice"
)

// RegisterPolicies tells the tables which policies are configured: whoever starts the label stage calls it.
// Policies that were registered before and are not any more stay, for old labels name them.
func (db *DB) RegisterPolicies(ctx context.Context, policies []sluice.PolicySpec) error {
	var b pgx.Batch
	for _, p := range policies {
		b.Queue(`INSERT INTO policies (name, description, tier) VALUES ($1, $2, $3)
			ON CONFLICT (name) DO UPDATE SET description = excluded.description, tier = excluded.tier,
			registered_at = clock_timestamp()`, clean(string(p.Name)), clean(p.Description), string(p.Tier))
	}
	if err := db.pool.SendBatch(ctx, &b).Close(); err != nil {
		return fmt.Errorf("register policies: %w", err)
	}
	return nil
}

// RegisterMatrix stores the cells of the oracle matrix that labels are drawn by from now on, and makes it the
// current one. Its policies must be registered.
func (db *DB) RegisterMatrix(ctx context.Context, m sluice.Matrix) error {
	var b pgx.Batch
	for _, c := range m.Cells() {
		b.Queue(`INSERT INTO matrix_cells (version, medium_grade, large_grade, policy, rationale) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (version, medium_grade, large_grade) DO UPDATE SET rationale = excluded.rationale`,
			m.Version(), string(c.Medium), string(c.Large), string(c.Policy), clean(c.Rationale))
	}
	// One instant for all nine, later than any other matrix's.
	b.Queue(`UPDATE matrix_cells SET registered_at = clock.at FROM (SELECT clock_timestamp() AS at) clock WHERE version = $1`, m.Version())
	if err := db.pool.SendBatch(ctx, &b).Close(); err != nil {
		return fmt.Errorf("register oracle matrix %s: %w", m.Version(), err)
	}
	return nil
}
