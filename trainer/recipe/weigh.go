package recipe

import (
	"context"
	"fmt"
	"math"

	"sluice"
	"sluice/gemma"
	"sluice/routing"
	"sluice/routing/scored"
	"sluice/trainer/dataset"
)

// candidate is a set of weights that might become the router.
type candidate struct {
	Stage       string              `json:"stage"`
	NLL         float64             `json:"nll"`
	Calibration routing.Calibration `json:"calibration"`
	weights     gemma.Weights
}

// weigh scores the present weights on the validation slice and keeps them if they are the best so far.
func (r *run) weigh(ctx context.Context) error {
	w, err := r.model.Weights()
	if err != nil {
		return err
	}
	c := candidate{Stage: r.point.Stage, weights: w}
	if c.Calibration, err = r.calibrate(ctx, w); err != nil {
		return fmt.Errorf("validation: %w", err)
	}
	c.NLL = c.Calibration.NLLAfter
	if r.point.Stage == StageBase {
		if r.point.BaseNLL == 0 || c.NLL < r.point.BaseNLL {
			r.point.BaseNLL = c.NLL
		}
	} else {
		r.point.FinalNLL = c.NLL
	}
	if r.point.Kept == nil || c.NLL < r.point.Kept.NLL {
		r.point.Kept = &c
	}
	return nil
}

// calibrate runs the serving pass over the validation slice.
func (r *run) calibrate(ctx context.Context, w gemma.Weights) (routing.Calibration, error) {
	m := r.start.model
	m.Weights = w
	router, err := scored.New(ctx, &m, r.start.prompt, scored.Spec{
		Policies: r.options.Policies, Calibration: routing.Calibration{Temperature: 1},
	})
	if err != nil {
		return routing.Calibration{}, err
	}
	var scores [][]float64
	var labels []int
	for _, row := range r.aside {
		s, _, err := router.Scores(ctx, row.Text)
		if err != nil {
			return routing.Calibration{}, err
		}
		scores, labels = append(scores, s), append(labels, index(r.options.Policies, row.Policy))
	}
	priors := shares(r.train, r.options.Policies)
	calibration, err := routing.Fit(scores, labels, priors)
	escalates := index(r.options.Policies, sluice.Complex)
	if err != nil || escalates < 0 {
		return calibration, err
	}
	escalating := make([]float64, len(scores))
	for i, s := range scores {
		calibration.Apply(s)
		escalating[i] = s[escalates]
	}
	calibration.Threshold = routing.ThresholdFor(escalating, priors[escalates])
	return calibration, nil
}

// shares is how often each policy is right in training.
func shares(rows []dataset.Row, policies []sluice.PolicySpec) []float64 {
	out := make([]float64, len(policies))
	for _, r := range rows {
		out[index(policies, r.Policy)] += 1 / float64(len(rows))
	}
	return out
}

// priorNLL is what the shares alone say of the validation slice.
func priorNLL(train, aside []dataset.Row, policies []sluice.PolicySpec) float64 {
	p, sum := shares(train, policies), 0.0
	for _, r := range aside {
		sum -= math.Log(max(p[index(policies, r.Policy)], 1e-3))
	}
	return sum / float64(max(len(aside), 1))
}

// found says what a stage came to.
func (r *run) found(stage string) string {
	nll := r.point.BaseNLL
	if stage == StageFinal {
		nll = r.point.FinalNLL
	}
	return fmt.Sprintf("validation loss %.4f on %d rows; knowing the shares alone is %.4f", nll, len(r.aside), r.report.PriorNLL)
}
