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
	if scored.Name != "gemma" || !scored.Calibrated || r.Report().Rows+r.Report().Validation != 60 {
		t.Errorf("%s, calibrated %t, %+v", scored.Name, scored.Calibrated, r.Report())
	}
}

// The model alone and the blend that holds it are one training for each part.
func TestABlendAndItsModelAloneAreTrainedOnce(t *testing.T) {
	all := samples(62)
	trained := 0
	blend := evaluate.NewRecipe(t.Context(), "blend", recipe.Options{Seed: 1, Epochs: 1}, func(p recipe.Progress) {
		if p.Kind == "started" && p.Stage == recipe.StageBase {
			trained++
		}
	})
	alone := blend.Alone("gemma")
	text := "which tributary joins the capital of region 3"
	var took float64
	for part, train := range [][]evaluation.Sample{all[:60], all[2:]} {
		for i, r := range []*evaluate.Recipe{alone, blend} {
			if err := r.Fit(train); err != nil {
				t.Fatalf("%+v", err)
			}
			if trained != part+1 {
				t.Errorf("%s on part %d: %d trainings so far", r.Name(), part, trained)
			}
			if i == 1 && r.FitSeconds() != took || r.FitSeconds() <= 0 {
				t.Errorf("%s took %g s, the other one %g s", r.Name(), r.FitSeconds(), took)
			}
			took = r.FitSeconds()
		}
		if alone.Score(text) == blend.Score(text) {
			t.Errorf("both score %g: the n-grams add nothing", blend.Score(text))
		}
	}
	// What was learnt before is known again, and not what was learnt last.
	last := blend.Score(text)
	if err := blend.Fit(all[:60]); err != nil || blend.Score(text) == last || trained != 2 {
		t.Errorf("fitted again: %v, %d trainings, %g after %g", err, trained, blend.Score(text), last)
	}
}

func TestAFitEndsWithTheEvaluation(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := evaluate.NewRecipe(ctx, "gemma", recipe.Options{}, nil).Fit(samples(60)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
