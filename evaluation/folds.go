package evaluation

import (
	"context"
	"fmt"
	"hash/fnv"
	"sort"
	"time"

	"sluice"
)

// Fold draws a sample's fold from its content and the seed, so that repeated texts share a fold.
func Fold(text string, seed uint64, folds int) int {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%d\x00%s", seed, sluice.NormalizeText(text))
	return int((h.Sum64() >> 7) % uint64(folds))
}

// Scored is what a router said of every sample while it was held out.
type Scored struct {
	Name string
	// Scores are the router's own; Ranks their place within the fold, 0 to 1, by which folds are pooled:
	// scores of routers that were fitted on different rows do not compare.
	Scores, Ranks []float64
	// Calibrated says that Scores are probabilities.
	Calibrated bool
	// LatencyUS is the median time of one score, microseconds.
	LatencyUS float64
}

// CrossValidate fits the router on all folds but one and scores that one, for each fold, until ctx is
// done; progress, if not nil, hears of each finished fold. At most maxTrain rows are trained on (0: all).
func CrossValidate(ctx context.Context, r Router, samples []Sample, folds, maxTrain int, seed uint64, progress func(fold int)) (Scored, error) {
	out := Scored{Name: r.Name(), Scores: make([]float64, len(samples)), Ranks: make([]float64, len(samples))}
	if c, ok := r.(Calibrated); ok {
		out.Calibrated = c.Calibrated()
	}
	var latencies []float64
	for fold := range folds {
		if err := context.Cause(ctx); err != nil {
			return Scored{}, fmt.Errorf("%s: stopped after %d of %d folds: %w", r.Name(), fold, folds, err)
		}
		var train []Sample
		var held []int
		for i, s := range samples {
			if Fold(s.Text, seed, folds) == fold {
				held = append(held, i)
			} else if maxTrain == 0 || len(train) < maxTrain {
				train = append(train, s)
			}
		}
		if len(held) == 0 || len(train) == 0 {
			return Scored{}, fmt.Errorf("%s: fold %d of %d is empty: %d samples are too few", r.Name(), fold+1, folds, len(samples))
		}
		if err := r.Fit(train); err != nil {
			return Scored{}, fmt.Errorf("fit %s on fold %d: %w", r.Name(), fold+1, err)
		}
		for _, i := range held {
			start := time.Now()
			out.Scores[i] = r.Score(samples[i].Text)
			latencies = append(latencies, float64(time.Since(start).Nanoseconds())/1e3)
		}
		rank(out.Scores, out.Ranks, held)
		if progress != nil {
			progress(fold)
		}
	}
	sort.Float64s(latencies)
	out.LatencyUS = latencies[len(latencies)/2]
	return out, nil
}

// rank writes the mid-rank of each held-out row's score, scaled to 0..1.
func rank(scores, ranks []float64, rows []int) {
	order := append([]int(nil), rows...)
	sort.Slice(order, func(a, b int) bool { return scores[order[a]] < scores[order[b]] })
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && scores[order[j]] == scores[order[i]] {
			j++
		}
		mid := (float64(i) + float64(j)) / 2 / float64(len(order))
		for ; i < j; i++ {
			ranks[order[i]] = mid
		}
	}
}
