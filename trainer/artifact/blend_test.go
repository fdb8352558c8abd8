package artifact_test

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice"
	"sluice/evaluation"
	"sluice/evaluation/controls"
	"sluice/routing"
	"sluice/trainer/artifact"
)

// blend seals the tiny model with a control beside it.
func blend(t *testing.T, control evaluation.Router) string {
	t.Helper()
	dir := model(t)
	if err := control.Fit(samples()); err != nil {
		t.Fatal(err)
	}
	m, err := artifact.ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := artifact.WriteControl(dir, control); err != nil {
		t.Fatal(err)
	}
	m.Kind = artifact.Blend
	if _, err := artifact.Seal(dir, m); err != nil {
		t.Fatal(err)
	}
	return dir
}

func route(t *testing.T, dir, text string) routing.Choice {
	t.Helper()
	r, err := artifact.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	c, err := r.Route(t.Context(), routing.Request{Text: text})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestABlendIsTheMeanOfBothLogOdds(t *testing.T) {
	logOdds := func(p float64) float64 { return math.Log(p / (1 - p)) }
	l := &controls.Logistic{Seed: 1}
	dir, alone := blend(t, l), model(t)
	for _, text := range []string{"what is the capital of region 7", "which tributary joins river 7 above its delta", ""} {
		c, half := route(t, dir, text), route(t, alone, text)
		want := (logOdds(half.Score()) + logOdds(l.Score(text))) / 2
		if got := logOdds(c.Score()); math.Abs(got-want) > 1e-9 {
			t.Errorf("%q: log-odds %.6f, want %.6f", text, got, want)
		}
		sum, best := 0.0, 0.0
		for _, p := range c.Probabilities {
			sum, best = sum+p, max(best, p)
		}
		if math.Abs(sum-1) > 1e-9 || c.Probabilities[c.Policy] != best || !strings.Contains(c.Reasoning, string(c.Policy)) {
			t.Errorf("%q: %+v", text, c)
		}
		// The others keep their proportion.
		before := half.Probabilities[sluice.Standard] / half.Probabilities[sluice.Ambiguous]
		if after := c.Probabilities[sluice.Standard] / c.Probabilities[sluice.Ambiguous]; math.Abs(after-before) > 1e-9 {
			t.Errorf("%q: Standard to Ambiguous %.6f, was %.6f", text, after, before)
		}
		if !strings.HasPrefix(c.Version, "blend-") {
			t.Errorf("version %s", c.Version)
		}
	}
	hard, easy := route(t, dir, "which tributary joins river 7 above its delta"), route(t, dir, "what is the capital of region 7")
	if hard.Score() <= easy.Score() {
		t.Errorf("P(Complex) %.3f of the hard one, %.3f of the easy one", hard.Score(), easy.Score())
	}
}

func TestABlendIsRefusedWithoutItsOtherHalf(t *testing.T) {
	if _, err := artifact.Open(t.Context(), blend(t, &controls.KMeans{Seed: 1})); err == nil || !strings.Contains(err.Error(), "a blend takes logistic") {
		t.Errorf("with k-means: %v", err)
	}
	dir := blend(t, &controls.Logistic{Seed: 1})
	if err := os.Truncate(filepath.Join(dir, artifact.ControlFile), 100); err != nil {
		t.Fatal(err)
	}
	if _, err := artifact.Open(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "corrupt") {
		t.Errorf("torn: %v", err)
	}
}
