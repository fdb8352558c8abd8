package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice"
	"sluice/online"
)

// Accuracy is how good the answers to decisions since an instant were, by source and policy: see the view
// policy_accuracy, which says the same of all time.
func (o *Online) Accuracy(ctx context.Context, since time.Time) ([]online.Accuracy, error) {
	rows, err := o.pool.Query(ctx, `
		WITH latest AS (
		    SELECT DISTINCT ON (f.decision_id, f.source) f.decision_id, f.source, f.good, d.policy
		    FROM feedback f
		    JOIN decisions d ON d.id = f.decision_id AND (f.source <> 'client' OR f.tenant IN (d.tenant, ''))
		    WHERE f.good IS NOT NULL AND f.given_at >= $1 AND d.decided_at >= $1
		    ORDER BY f.decision_id, f.source, f.given_at DESC, f.id)
		SELECT f.source, coalesce(f.policy, 'all'), count(*), avg(f.good)
		FROM latest f
		LEFT JOIN samples s ON s.decision_id = f.decision_id
		WHERE f.source <> 'judge' OR s.chosen_by = 'evenly'
		GROUP BY GROUPING SETS ((f.source, f.policy), (f.source))`, since)
	if err != nil {
		return nil, fmt.Errorf("read accuracy: %w", err)
	}
	all, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (a online.Accuracy, err error) {
		err = r.Scan(&a.Source, &a.Policy, &a.N, &a.Mean)
		return a, err
	})
	if err != nil {
		return nil, fmt.Errorf("read accuracy: %w", err)
	}
	return all, nil
}

// Calibration compares what the router said since an instant with what the offline ring found, on evenly drawn
// queries: the others were chosen for the very score that is on trial.
func (o *Online) Calibration(ctx context.Context, since time.Time) ([]online.CalibrationBin, error) {
	rows, err := o.pool.Query(ctx, `
		SELECT count(*), avg(p_complex), avg((label = $2)::int)::double precision
		FROM judged_decisions
		WHERE decided_at >= $1 AND p_complex IS NOT NULL AND chosen_by = 'evenly'
		GROUP BY least(floor(p_complex * 10), 9)`, since, string(sluice.Complex))
	if err != nil {
		return nil, fmt.Errorf("read calibration: %w", err)
	}
	bins, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (b online.CalibrationBin, err error) {
		err = r.Scan(&b.N, &b.MeanP, &b.Share)
		return b, err
	})
	if err != nil {
		return nil, fmt.Errorf("read calibration: %w", err)
	}
	return bins, nil
}

// Trained describes the training set: the policies of the current examples, and what features make of their texts
// (nil: nothing), cut at the deciles. At most the newest limit examples are read; referenceFree as in [DB.Training].
func (o *Online) Trained(ctx context.Context, referenceFree bool, limit int, features func(text string) map[string]float64) (online.Profile, error) {
	p := online.Profile{Features: map[string]online.Bins{}, Policies: map[string]float64{}}
	rows, err := o.pool.Query(ctx, `SELECT e.text, e.policy`+FromTrain+` ORDER BY e.drawn_at DESC, e.example_id LIMIT $2`, referenceFree, limit)
	if err != nil {
		return p, fmt.Errorf("read the training set: %w", err)
	}
	values := map[string][]float64{}
	var text, policy string
	if _, err := pgx.ForEachRow(rows, []any{&text, &policy}, func() error {
		p.N++
		p.Policies[policy]++
		if features != nil {
			for name, v := range features(text) {
				values[name] = append(values[name], v)
			}
		}
		return nil
	}); err != nil {
		return p, fmt.Errorf("read the training set: %w", err)
	}
	for name, vs := range values {
		edges := online.Edges(vs)
		p.Features[name] = online.Bins{Edges: edges, Counts: online.Fill(edges, vs)}
	}
	return p, nil
}

// Traffic describes the newest routed decisions since an instant, at most limit, by the edges of a reference.
func (o *Online) Traffic(ctx context.Context, since time.Time, limit int, reference online.Profile) (online.Profile, error) {
	p := online.Profile{Features: map[string]online.Bins{}, Policies: map[string]float64{}}
	rows, err := o.pool.Query(ctx, `
		SELECT policy, features FROM decisions
		WHERE taken_at >= $1 AND decided_at >= $2 AND requested = 'auto' AND router_fault IS NULL
		ORDER BY taken_at DESC LIMIT $3`, since, since.Add(-longestRequest), limit)
	if err != nil {
		return p, fmt.Errorf("read traffic: %w", err)
	}
	values := map[string][]float64{}
	var policy string
	features := map[string]float64{}
	if _, err := pgx.ForEachRow(rows, []any{&policy, &features}, func() error {
		p.N++
		p.Policies[policy]++
		for name, v := range features {
			values[name] = append(values[name], v)
		}
		clear(features)
		return nil
	}); err != nil {
		return p, fmt.Errorf("read traffic: %w", err)
	}
	for name, ref := range reference.Features {
		p.Features[name] = online.Bins{Edges: ref.Edges, Counts: online.Fill(ref.Edges, values[name])}
	}
	return p, nil
}

// Judged lists decisions sampled since an instant whose query the offline ring has judged for the tier that answered, and that have
// no feedback of that judge yet: as feedback, ready to be published. The judge never heard of the decision;
// it graded the answer that the same model gave to the same question in the ring.
func (o *Online) Judged(ctx context.Context, since time.Time, limit int) ([]sluice.Feedback, error) {
	rows, err := o.pool.Query(ctx, `
		SELECT s.decision_id, s.tenant, g.pair, g.judge_version, g.grade, g.given_at
		FROM samples s
		JOIN decisions d ON d.decided_at = s.decided_at AND d.id = s.decision_id
		JOIN queries q ON q.key = s.query_key
		JOIN graded_answers g ON g.query_number = q.number AND g.tier = d.tier AND g.model = d.model AND g.grade IS NOT NULL
		WHERE s.chosen_at >= $1
		  AND NOT EXISTS (SELECT FROM feedback f WHERE f.decision_id = s.decision_id AND f.source = 'judge'
		                    AND f.given_at >= g.given_at)
		ORDER BY g.given_at LIMIT $2`, since, limit)
	if err != nil {
		return nil, fmt.Errorf("read judged samples: %w", err)
	}
	all, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (f sluice.Feedback, err error) {
		var pair, judge, grade string
		if err := r.Scan(&f.DecisionID, &f.Tenant, &pair, &judge, &grade, &f.GivenAt); err != nil {
			return f, err
		}
		score := 0.0
		if f.Thumb = "down"; grade == string(sluice.Correct) {
			score, f.Thumb = 1, "up"
		}
		f.ID, f.Source, f.Score = sluice.HashID("judge's feedback", f.DecisionID, judge, pair), "judge", &score
		f.Comment, f.GivenAt = "judge "+judge+": "+grade, f.GivenAt.UTC()
		return f, nil
	})
	if err != nil {
		return nil, fmt.Errorf("read judged samples: %w", err)
	}
	return all, nil
}
