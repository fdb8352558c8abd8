package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"sluice"
)

// chosen begins every statement of a summary: the queries that its filter leaves, and their newest label. $1 is
// the tenant or NULL, $2 the source or empty, $3 the pair or empty.
const chosen = `
WITH chosen AS (
    SELECT q.* FROM queries q WHERE ($1::text IS NULL OR q.tenant = $1) AND ($2::text = '' OR q.source = $2)
), labelled AS (
    SELECT DISTINCT ON (l.query_number) l.*
    FROM labels l JOIN chosen c ON c.number = l.query_number
    WHERE $3::text = '' OR l.pair = $3
    ORDER BY l.query_number, l.drawn_at DESC, l.id
)`

func (s *Summary) readCounts(ctx context.Context, tx pgx.Tx, filter []any) error {
	return tx.QueryRow(ctx, chosen+`
		SELECT (SELECT count(*) FROM chosen), count(*), count(*) FILTER (WHERE split = 'train'), count(*) FILTER (WHERE split = 'test')
		FROM (SELECT DISTINCT e.query_number, e.split FROM examples e
		      JOIN labels l ON l.query_number = e.query_number AND l.id = e.id AND ($3 = '' OR l.pair = $3)
		      JOIN chosen c ON c.number = e.query_number) made`, filter...).
		Scan(&s.Queries, &s.Examples, &s.Train, &s.Test)
}

func (s *Summary) readMatrix(ctx context.Context, tx pgx.Tx, filter []any) error {
	rows, err := tx.Query(ctx, chosen+`
		SELECT m.grade, g.grade, count(*)
		FROM labelled l
		JOIN graded_answers m ON m.query_number = l.query_number AND m.pair = l.pair AND m.judge_version = l.judge_version AND m.tier = 'medium'
		JOIN graded_answers g ON g.query_number = l.query_number AND g.pair = l.pair AND g.judge_version = l.judge_version AND g.tier = 'large'
		GROUP BY 1, 2`, filter...)
	if err != nil {
		return err
	}
	var medium, large sluice.Grade
	var n int64
	_, err = pgx.ForEachRow(rows, []any{&medium, &large, &n}, func() error {
		s.Matrix[medium][large] = n
		return nil
	})
	return err
}

func (s *Summary) readPolicies(ctx context.Context, tx pgx.Tx, filter []any) error {
	rows, err := tx.Query(ctx, chosen+`
		SELECT l.policy, count(*) FROM labelled l GROUP BY 1 UNION ALL
		SELECT p.name, 0 FROM policies p WHERE NOT EXISTS (SELECT FROM labelled l WHERE l.policy = p.name)`, filter...)
	if err != nil {
		return err
	}
	var policy sluice.Policy
	var n int64
	_, err = pgx.ForEachRow(rows, []any{&policy, &n}, func() error {
		s.Policies[policy] = n
		return nil
	})
	return err
}

func (s *Summary) readSpending(ctx context.Context, tx pgx.Tx, filter []any) (err error) {
	rows, err := tx.Query(ctx, `
		SELECT c.stage, c.provider, c.model, count(*), count(*) FILTER (WHERE c.outcome = 'ok'), sum(c.prompt_tokens)::bigint,
		       sum(c.cached_tokens)::bigint, sum(c.output_tokens)::bigint, sum(c.thought_tokens)::bigint, sum(c.cost_microusd)::bigint
		FROM calls c
		WHERE ($1::text IS NULL OR c.tenant = $1)
		  AND ($2::text = '' OR EXISTS (SELECT FROM queries q WHERE q.key = c.query_key AND q.source = $2))
		  AND ($3::text = '' OR c.pair IS NULL OR c.pair = $3)
		GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`, filter...)
	if err != nil {
		return err
	}
	s.Spending, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (x Spending, err error) {
		return x, row.Scan(&x.Stage, &x.Provider, &x.Model, &x.Calls, &x.OK,
			&x.Usage.Prompt, &x.Usage.Cached, &x.Usage.Output, &x.Usage.Thoughts, &x.Cost)
	})
	return err
}

// readDead counts letters without a query in a narrowed summary only where the filter could not exclude them.
func (s *Summary) readDead(ctx context.Context, tx pgx.Tx, filter []any) (err error) {
	rows, err := tx.Query(ctx, `
		SELECT d.stage, d.reason, count(*)
		FROM dead_letters_open d
		WHERE ($1::text IS NULL AND $2::text = '')
		   OR EXISTS (SELECT FROM queries q WHERE q.key = d.query_key
		              AND ($1::text IS NULL OR q.tenant = $1) AND ($2::text = '' OR q.source = $2))
		GROUP BY 1, 2 ORDER BY 1, 2`, filter[:2]...)
	if err != nil {
		return err
	}
	s.Dead, err = pgx.CollectRows(rows, pgx.RowToStructByPos[DeadCount])
	return err
}

func (s *Summary) readStages(ctx context.Context, tx pgx.Tx, filter []any) (err error) {
	rows, err := tx.Query(ctx, chosen+`, judged AS (
		SELECT v.query_number, v.judge_version, v.pair, max(v.given_at) AS given_at
		FROM verdicts v JOIN chosen c ON c.number = v.query_number GROUP BY 1, 2, 3
	), steps (place, stage, took) AS (
		SELECT 1, 'intake', c.accepted_at - c.asked_at FROM chosen c
		UNION ALL SELECT 2, 'answer', a.said_at - c.accepted_at FROM answers a JOIN chosen c ON c.number = a.query_number
			WHERE $3 = '' OR a.pair = $3
		UNION ALL SELECT 3, 'judge', min(v.given_at) - a.said_at FROM chosen c JOIN answers a ON a.query_number = c.number
			JOIN verdicts v ON v.query_number = a.query_number AND v.pair = a.pair AND v.arm = a.arm
			WHERE $3 = '' OR a.pair = $3 GROUP BY a.query_number, a.pair, a.arm
		UNION ALL SELECT 4, 'label', l.drawn_at - j.given_at FROM labelled l
			JOIN judged j ON j.query_number = l.query_number AND j.judge_version = l.judge_version AND j.pair = l.pair
		UNION ALL SELECT 5, 'analysis', e.made_at - l.drawn_at FROM labelled l
			JOIN examples e ON e.query_number = l.query_number AND e.id = l.id
		UNION ALL SELECT 6, 'whole', e.made_at - c.asked_at FROM labelled l
			JOIN examples e ON e.query_number = l.query_number AND e.id = l.id JOIN chosen c ON c.number = l.query_number
	), seconds AS (
		SELECT place, stage, extract(epoch FROM took)::float8 AS took FROM steps
	)
	SELECT stage, count(*), percentile_cont(0.5) WITHIN GROUP (ORDER BY took),
	       percentile_cont(0.95) WITHIN GROUP (ORDER BY took), max(took)
	FROM seconds GROUP BY place, stage ORDER BY place`, filter...)
	if err != nil {
		return err
	}
	s.Stages, err = pgx.CollectRows(rows, pgx.RowToStructByPos[StageTime])
	return err
}
