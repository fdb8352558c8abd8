package evaluate_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"sluice/evaluation"
	"sluice/trainer/evaluate"
	"sluice/trainer/recipe"
)

func samples(n int) (out []evaluation.Sample) {
	for i := range n {
		s := evaluation.Sample{ID: fmt.Sprint(i), Text: fmt.Sprintf("what is the capital of region %d", i), Medium: 1, Large: 1}
		if i%2 == 0 {
			s.Text, s.Medium = fmt.Sprintf("which tributary joins river %d above its delta", i), 0
		}
		out = append(out, s)
	}
	return out
}

func TestARecipeIsFittedAndScored(t *testing.T) {
	all := samples(70)
	r := evaluate.NewRecipe(t.Context(), "gemma", recipe.Options{Seed: 1, Epochs: 2}, nil)
	if err := r.Fit(all[:60]); err != nil {
		t.Fatalf("%+v", err)
	}
	scored, err := evaluation.ScoreAll(t.Context(), r, all[60:])
	if err != nil {
		t.Fatalf("%+v", err)
	}
	for i, s := range all[60:] {
		if (scored.Scores[i] > 0.5) != s.Escalate() {
			t.Errorf("%s: P(Complex) %.3f", s.Text, scored.Scores[i])
		}
	}
	if scored.Name != "gemma" || !scored.Calibrated || r.Report.Rows+r.Report.Validation != 60 {
		t.Errorf("%s, calibrated %t, %+v", scored.Name, scored.Calibrated, r.Report)
	}
}

func TestAFitEndsWithTheEvaluation(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := evaluate.NewRecipe(ctx, "gemma", recipe.Options{}, nil).Fit(samples(60)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
