package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice"
)

// Training reads what a training may be given and writes down what it was. It is safe for concurrent use.
type Training struct {
	db *DB
	// free is whether train rows may have been judged without a ground truth.
	free bool
}

// Training is the trainer's view of the tables; with referenceFree it is also given train rows that were judged
// without a ground truth, as online queries are. Test rows never are: what is promoted is measured by what is known
// to be right. The pool stays db's.
func (db *DB) Training(referenceFree bool) Training { return Training{db, referenceFree} }

// Accrued counts the train examples of a pair, whatever key its arms are named by, that were stored after an instant, by policy, and tells when the
// oldest of them was. It goes by the labels that came since and is cheap where few did.
func (t Training) Accrued(ctx context.Context, pair string, after time.Time) (map[sluice.Policy]int, time.Time, error) {
	const sql = `
		SELECT l.policy, count(DISTINCT e.query_number), min(e.made_at)
		FROM examples e
		JOIN labels l ON l.query_number = e.query_number AND l.id = e.id
		WHERE e.made_at > $1 AND e.split = 'train' AND (l.basis = 'reference' OR $3) AND (l.pair = $2 OR l.pair LIKE $2 || '-%')
		GROUP BY l.policy`
	rows, err := t.db.pool.Query(ctx, sql, after, pair, t.free)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("count new examples: %w", err)
	}
	byPolicy, oldest := map[sluice.Policy]int{}, time.Time{}
	var policy string
	var n int
	var first time.Time
	_, err = pgx.ForEachRow(rows, []any{&policy, &n, &first}, func() error {
		byPolicy[sluice.Policy(policy)] = n
		if oldest.IsZero() || first.Before(oldest) {
			oldest = first.UTC()
		}
		return nil
	})
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("count new examples: %w", err)
	}
	return byPolicy, oldest, nil
}

// Examples reads, in one snapshot of the tables, the newest train rows of a pair (at most that many) and every
// test row of it with the grades and prices of both answers; newest is when the newest train row was stored.
func (t Training) Examples(ctx context.Context, pair string, most int) (rows []sluice.TrainingExample, newest time.Time, err error) {
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err = pgx.BeginTxFunc(ctx, t.db.pool, options, func(tx pgx.Tx) error {
		train, err := readExamples(ctx, tx, selectTrain, t.free, pair, most)
		if err != nil {
			return err
		}
		test, err := readExamples(ctx, tx, selectTest, pair)
		if err != nil {
			return err
		}
		for _, r := range train {
			if rows = append(rows, r.TrainingExample); r.madeAt.After(newest) {
				newest = r.madeAt.UTC()
			}
		}
		for _, r := range test {
			rows = append(rows, r.TrainingExample)
		}
		return nil
	})
	if err != nil {
		return nil, newest, fmt.Errorf("read examples for a training: %w", err)
	}
	return rows, newest, nil
}

const exampleColumns = `e.example_id, e.query_key, e.split, e.text, e.policy, e.made_at, e.domain, e.complexity,
	e.reasoning_steps, e.ambiguity, e.knowledge_recency, e.answer_type, e.specificity, e.requires_math, e.requires_code,
	e.language, e.summary`

// FromTrain is the view examples_train and, where $1 holds, the rows that it leaves out for nothing but that they were
// judged without a ground truth. No wording of the test split is among them either (Invariant 4).
const FromTrain = ` FROM labelled_examples e
		WHERE e.split = 'train' AND (e.basis = 'reference' OR $1)
		  AND NOT EXISTS (SELECT FROM queries t WHERE t.split = 'test' AND t.content_hash = e.content_hash)`

const (
	selectTrain = `SELECT ` + exampleColumns + `, NULL AS medium, NULL AS large, 0, 0` + FromTrain + `
		  AND (e.pair = $2 OR e.pair LIKE $2 || '-%') AND e.domain IS NOT NULL ORDER BY e.made_at DESC, e.query_key LIMIT $3`
	selectTest = `SELECT ` + exampleColumns + `, m.grade, g.grade, coalesce(m.cost_microusd, 0), coalesce(g.cost_microusd, 0)
		FROM examples_test e
		LEFT JOIN graded_answers m ON m.query_key = e.query_key AND m.pair = e.pair AND m.judge_version = e.judge_version AND m.tier = 'medium'
		LEFT JOIN graded_answers g ON g.query_key = e.query_key AND g.pair = e.pair AND g.judge_version = e.judge_version AND g.tier = 'large'
		WHERE (e.pair = $1 OR e.pair LIKE $1 || '-%') AND e.basis = 'reference' AND e.domain IS NOT NULL ORDER BY e.query_key`
)

type exampleRow struct {
	sluice.TrainingExample
	madeAt time.Time
}

func readExamples(ctx context.Context, tx pgx.Tx, sql string, args ...any) ([]exampleRow, error) {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (exampleRow, error) {
		var r exampleRow
		var medium, large *string
		var mediumCost, largeCost int64
		a := &r.Analysis
		err := row.Scan(&r.ID, &r.Key, &r.Split, &r.Text, &r.Policy, &r.madeAt, &a.Domain, &a.Complexity, &a.ReasoningSteps,
			&a.Ambiguity, &a.KnowledgeRecency, &a.AnswerType, &a.Specificity, &a.RequiresMath, &a.RequiresCode, &a.Language,
			&a.Summary, &medium, &large, &mediumCost, &largeCost)
		if medium != nil && large != nil {
			r.Graded = &sluice.Graded{
				Medium: sluice.Grade(*medium), Large: sluice.Grade(*large),
				MediumCost: sluice.MicroUSD(mediumCost), LargeCost: sluice.MicroUSD(largeCost),
			}
		}
		return r, err
	})
}

// Admit writes down the examples that a run is given; writing it again changes nothing. A row of the test split
// can't be named here: the tables refuse it, and the error says so (Invariant 4).
func (t Training) Admit(ctx context.Context, run string, examples []sluice.TrainingExample) error {
	keys, ids := make([]string, len(examples)), make([]string, len(examples))
	for i, e := range examples {
		keys[i], ids[i] = e.Key, e.ID
	}
	_, err := t.db.pool.Exec(ctx, `INSERT INTO training_set (run, query_number, example_id)
		SELECT $1, coalesce(q.number, 0), u.example_id FROM unnest($2::text[], $3::text[]) AS u (query_key, example_id)
		LEFT JOIN queries q ON q.key = u.query_key ORDER BY u.query_key ON CONFLICT DO NOTHING`, run, keys, ids)
	if violates(err, foreignKeyViolation) {
		return fmt.Errorf("admit %d examples to training %s: one of them is no example of the train split: %w", len(examples), run, err)
	}
	if err != nil {
		return fmt.Errorf("admit %d examples to training %s: %w", len(examples), run, err)
	}
	return nil
}
