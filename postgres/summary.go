package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"sluice"
)

// SummaryFilter narrows a summary down; the zero value is everything.
type SummaryFilter struct {
	// Tenant, where set, is the only one that counts; a pointer to "" is the default tenant.
	Tenant *string
	// Source and Pair, where not empty, are the only ones that count.
	Source, Pair string
}

// Summary is what a ring has made so far, as the tables have it.
type Summary struct {
	Queries int64 `json:"queries"`
	// Examples counts queries with an example, Train and Test the same by split.
	Examples int64 `json:"examples"`
	Train    int64 `json:"train"`
	Test     int64 `json:"test"`
	// Matrix counts the queries that have a label by the grades of its two verdicts: the medium model's
	// first, then the large one's. All nine cells are there.
	Matrix map[sluice.Grade]map[sluice.Grade]int64 `json:"matrix"`
	// Policies counts the queries by their current label.
	Policies map[sluice.Policy]int64 `json:"policies"`
	Spending []Spending              `json:"spending"`
	Dead     []DeadCount             `json:"dead"`
	Stages   []StageTime             `json:"stages"`
}

// Spending is what one stage spent on one model.
type Spending struct {
	Stage    string          `json:"stage"`
	Provider string          `json:"provider"`
	Model    string          `json:"model"`
	Calls    int64           `json:"calls"`
	OK       int64           `json:"ok"`
	Usage    sluice.Usage    `json:"usage"`
	Cost     sluice.MicroUSD `json:"cost_microusd"`
}

// DeadCount counts dead letters that are open: to be replayed or dropped.
type DeadCount struct {
	Stage  string        `json:"stage"`
	Reason sluice.Reason `json:"reason"`
	Count  int64         `json:"count"`
}

// StageTime is how long a stage took, from the fact that it read to the fact that it wrote, by the log's clock:
// "intake", "answer", "judge", "label", "analysis", and "whole" for the way from asked to example.
type StageTime struct {
	Stage      string  `json:"stage"`
	Facts      int64   `json:"facts"`
	P50Seconds float64 `json:"p50_seconds"`
	P95Seconds float64 `json:"p95_seconds"`
	MaxSeconds float64 `json:"max_seconds"`
}

// CostByModel adds up what every stage spent on each model.
func (s Summary) CostByModel() map[string]sluice.MicroUSD {
	cost := map[string]sluice.MicroUSD{}
	for _, x := range s.Spending {
		cost[x.Model] += x.Cost
	}
	return cost
}

// CallsByModel adds up every stage's calls of each model.
func (s Summary) CallsByModel() map[string]int64 {
	calls := map[string]int64{}
	for _, x := range s.Spending {
		calls[x.Model] += x.Calls
	}
	return calls
}

// Summary reads everything in one snapshot.
func (db *DB) Summary(ctx context.Context, filter SummaryFilter) (Summary, error) {
	s := Summary{Matrix: map[sluice.Grade]map[sluice.Grade]int64{}, Policies: map[sluice.Policy]int64{}}
	for _, medium := range sluice.Grades() {
		s.Matrix[medium] = map[sluice.Grade]int64{}
		for _, large := range sluice.Grades() {
			s.Matrix[medium][large] = 0
		}
	}
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err := pgx.BeginTxFunc(ctx, db.pool, options, func(tx pgx.Tx) error {
		for _, read := range []func(context.Context, pgx.Tx, []any) error{
			s.readCounts, s.readMatrix, s.readPolicies, s.readSpending, s.readDead, s.readStages,
		} {
			if err := read(ctx, tx, []any{filter.Tenant, filter.Source, filter.Pair}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return Summary{}, fmt.Errorf("summary: %w", err)
	}
	return s, nil
}
