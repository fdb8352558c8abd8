package recipe

import (
	"context"
	"fmt"

	"sluice"
	"sluice/evaluation"
	"sluice/evaluation/controls"
	"sluice/gemma"
	"sluice/routing"
	"sluice/routing/scored"
	"sluice/trainer/artifact"
	"sluice/trainer/dataset"
)

// The default router is two that err differently, half each: the small model reads the words it knows of the first
// and last sixty, logistic regression counts n-grams of the whole query.

// grams fits logistic regression on rows.
func grams(rows []dataset.Row, seed uint64) (*controls.Logistic, error) {
	samples := make([]evaluation.Sample, len(rows))
	for i, r := range rows {
		samples[i] = evaluation.OfPolicy(r.ID, r.Text, r.Policy)
	}
	l := &controls.Logistic{Seed: seed}
	return l, l.Fit(samples)
}

// blends says whether the model gets the n-grams beside it.
func (o Options) blends() bool { return o.Base == nil }

// blend lays the n-grams beside the kept model in dir, where the recipe has them, and returns the manifest. They
// are fitted on all rows; the threshold is chosen with ones that were not fitted on the slice that chooses it.
func (r *run) blend(ctx context.Context, dir string, model *gemma.Model) (artifact.Manifest, error) {
	m := r.manifest()
	if !r.options.blends() {
		return m, nil
	}
	part, err := grams(r.train, r.options.Seed)
	if err != nil {
		return m, fmt.Errorf("train: %w", err)
	}
	half, err := scored.New(ctx, model, r.start.prompt, scored.Spec{Policies: r.options.Policies, Calibration: m.Calibration})
	if err != nil {
		return m, fmt.Errorf("train: %w", err)
	}
	router := artifact.NewBlend(half, part, r.options.Policies)
	scores := make([]float64, len(r.aside))
	for i, row := range r.aside {
		c, err := router.Route(ctx, routing.Request{Text: row.Text})
		if err != nil {
			return m, err
		}
		scores[i] = c.Score()
	}
	m.Kind, m.Calibration.Threshold = artifact.Blend, routing.ThresholdFor(scores, r.shareOf(sluice.Complex))
	whole, err := grams(r.set.Rows(), r.options.Seed)
	if err != nil {
		return m, fmt.Errorf("train: %w", err)
	}
	return m, artifact.WriteControl(dir, whole)
}

// shareOf is how often a policy is right in training; 0 for one that is not configured.
func (r *run) shareOf(p sluice.Policy) float64 {
	i := index(r.options.Policies, p)
	if i < 0 {
		return 0
	}
	return shares(r.train, r.options.Policies)[i]
}
