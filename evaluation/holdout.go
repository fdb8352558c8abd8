package evaluation

import (
	"context"
	"fmt"
	"sort"
	"time"
)

// Split cuts samples once: fold 0 of so many is held out, and of the rest at most maxTrain rows (0: all) are
// left to train on.
func Split(samples []Sample, folds, maxTrain int, seed uint64) (train, held []Sample) {
	for _, s := range samples {
		if Fold(s.Text, seed, folds) == 0 {
			held = append(held, s)
		} else if maxTrain == 0 || len(train) < maxTrain {
			train = append(train, s)
		}
	}
	return train, held
}

// HoldOut fits a router on train and scores held, which it has never seen: one split, for routers that take
// minutes to fit.
func HoldOut(ctx context.Context, r Router, train, held []Sample) (Scored, error) {
	if err := context.Cause(ctx); err != nil {
		return Scored{}, fmt.Errorf("%s: %w", r.Name(), err)
	}
	if len(train) == 0 || len(held) == 0 {
		return Scored{}, fmt.Errorf("%s: %d rows to train on and %d held out: too few", r.Name(), len(train), len(held))
	}
	if err := r.Fit(train); err != nil {
		return Scored{}, fmt.Errorf("fit %s: %w", r.Name(), err)
	}
	out := Scored{Name: r.Name(), Scores: make([]float64, len(held)), Ranks: make([]float64, len(held))}
	if c, ok := r.(Calibrated); ok {
		out.Calibrated = c.Calibrated()
	}
	rows, latencies := make([]int, len(held)), make([]float64, len(held))
	for i, s := range held {
		start := time.Now()
		out.Scores[i] = r.Score(s.Text)
		latencies[i], rows[i] = float64(time.Since(start).Nanoseconds())/1e3, i
	}
	rank(out.Scores, out.Ranks, rows)
	sort.Float64s(latencies)
	out.LatencyUS = latencies[len(latencies)/2]
	return out, nil
}
