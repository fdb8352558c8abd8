package evaluation

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Scored is what a router said of every sample while it was held out.
type Scored struct {
	Name string
	// Scores are the router's own; Ranks their place within the fold, 0 to 1, by which folds are pooled:
	// scores of routers that were fitted on different rows do not compare.
	Scores, Ranks []float64
	// Calibrated says that Scores are probabilities.
	Calibrated bool
	// LatencyUS is the median time of one score, microseconds; FitSeconds the time of all fits together.
	LatencyUS, FitSeconds float64
}

// ScoreAll asks a fitted router for every sample, one at a time, until ctx is done.
func ScoreAll(ctx context.Context, r Router, samples []Sample) (Scored, error) {
	out := Scored{Name: r.Name(), Scores: make([]float64, len(samples))}
	if c, ok := r.(Calibrated); ok {
		out.Calibrated = c.Calibrated()
	}
	latencies := make([]float64, len(samples))
	for i, s := range samples {
		if err := context.Cause(ctx); err != nil {
			return Scored{}, fmt.Errorf("%s: stopped after %d of %d samples: %w", r.Name(), i, len(samples), err)
		}
		start := time.Now()
		out.Scores[i] = r.Score(s.Text)
		latencies[i] = float64(time.Since(start).Nanoseconds()) / 1e3
	}
	out.Ranks = midRanks(out.Scores)
	if len(latencies) > 0 {
		slices.Sort(latencies)
		out.LatencyUS = latencies[len(latencies)/2]
	}
	return out, nil
}

// CrossValidate fits the router on all folds but one and scores that one, for each fold that the plan
// scores, until ctx is done; progress, if not nil, hears of each finished fold. The scores are in the
// order of [Cut.Scored].
func (c *Cut) CrossValidate(ctx context.Context, r Router, samples []Sample, progress func(fold, folds int)) (Scored, error) {
	held := c.Scored(samples)
	out := Scored{Name: r.Name(), Scores: make([]float64, len(held)), Ranks: make([]float64, len(held))}
	var latencies []float64
	for fold := range c.rounds() {
		if err := context.Cause(ctx); err != nil {
			return Scored{}, fmt.Errorf("%s: stopped after %d of %d folds: %w", r.Name(), fold, c.rounds(), err)
		}
		began := time.Now()
		if err := r.Fit(c.train(samples, fold)); err != nil {
			return Scored{}, fmt.Errorf("fit %s on fold %d: %w", r.Name(), fold+1, err)
		}
		took := time.Since(began).Seconds()
		if t, ok := r.(Timed); ok {
			took = t.FitSeconds()
		}
		out.FitSeconds += took
		part, places := c.part(samples, fold)
		scored, err := ScoreAll(ctx, r, part)
		if err != nil {
			return Scored{}, fmt.Errorf("score fold %d: %w", fold+1, err)
		}
		for i, at := range places {
			out.Scores[at], out.Ranks[at] = scored.Scores[i], scored.Ranks[i]
		}
		out.Calibrated = scored.Calibrated
		latencies = append(latencies, scored.LatencyUS)
		if progress != nil {
			progress(fold+1, c.rounds())
		}
	}
	slices.Sort(latencies)
	out.LatencyUS = latencies[len(latencies)/2]
	return out, nil
}

// part lists the samples of a fold, and their places among [Cut.Scored].
func (c *Cut) part(samples []Sample, fold int) (part []Sample, places []int) {
	place := 0
	for i, s := range samples {
		if c.folds[i] == fold {
			part, places = append(part, s), append(places, place)
		}
		if !c.plan.Holdout || c.folds[i] == 0 {
			place++
		}
	}
	return part, places
}

// midRanks are the places of scores among one another, 0 to 1: equal ones share the middle of theirs. One that is
// not a number is the lowest.
func midRanks(scores []float64) []float64 {
	ranks, done := make([]float64, len(scores)), 0
	for tie := range ties(scores) {
		done += len(tie)
		for _, at := range tie {
			ranks[at] = (float64(len(scores)-done) + float64(len(tie))/2) / float64(len(scores))
		}
	}
	return ranks
}
