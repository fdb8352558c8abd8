package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"sluice"
)

// TrainExamples reads what training may see, in the order of query keys: the view examples_train and, with
// referenceFree, the train rows that were judged without a ground truth. No example of the test split is among them,
// no answer, no grade, no ground truth. Where nobody described a query, its analysis is zero.
func (db *DB) TrainExamples(ctx context.Context, referenceFree bool) ([]sluice.Example, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT example_id, query_key, text, source, tenant, split, basis, policy, pair,
		       judge_version, label_version, matrix_version, coalesce(analysis_version, ''),
		       coalesce(domain, ''), coalesce(complexity, ''), coalesce(reasoning_steps, 0), coalesce(ambiguity, ''),
		       coalesce(knowledge_recency, ''), coalesce(answer_type, ''), coalesce(specificity, ''),
		       coalesce(requires_math, false), coalesce(requires_code, false), coalesce(language, ''), coalesce(summary, '')`+
		FromTrain+` ORDER BY query_key`, referenceFree)
	if err != nil {
		return nil, fmt.Errorf("read the training examples: %w", err)
	}
	examples, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (sluice.Example, error) {
		var e sluice.Example
		q, l, a := &e.Label.Query, &e.Label, &e.Analysis
		err := row.Scan(&e.ID, &q.Key, &q.Text, &q.Source, &q.Tenant, &q.Split, &l.Basis, &l.Policy, &l.Pair,
			&l.JudgeVersion, &l.LabelVersion, &l.MatrixVersion, &e.AnalysisVersion,
			&a.Domain, &a.Complexity, &a.ReasoningSteps, &a.Ambiguity, &a.KnowledgeRecency, &a.AnswerType, &a.Specificity,
			&a.RequiresMath, &a.RequiresCode, &a.Language, &a.Summary)
		l.ID = e.ID
		return e, err
	})
	if err != nil {
		return nil, fmt.Errorf("read the training examples: %w", err)
	}
	return examples, nil
}
