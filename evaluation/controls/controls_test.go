package controls_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"sluice/evaluation"
	"sluice/evaluation/controls"
)

// made is a task that text decides: questions about rivers escalate, longer ones too; noise flips some.
func made(n int, noise float64, seed uint64) []evaluation.Sample {
	rng := rand.New(rand.NewPCG(seed, 9))
	easy := []string{"capital", "colour", "animal", "number", "planet"}
	hard := []string{"river", "tributary", "estuary", "watershed", "delta"}
	out := make([]evaluation.Sample, n)
	for i := range out {
		escalate := rng.Float64() < 0.4
		word := easy[rng.IntN(len(easy))]
		tail := ""
		if escalate {
			word, tail = hard[rng.IntN(len(hard))], " and how long is it from "+name(rng)+" to "+name(rng)
		}
		if rng.Float64() < noise {
			escalate = !escalate
		}
		s := evaluation.Sample{
			ID: fmt.Sprint(i), Text: "what is the " + word + " of region " + name(rng) + tail + "?",
			Medium: 1, Large: 1, MediumCost: 10, LargeCost: 100,
		}
		if escalate {
			s.Medium = 0
		}
		out[i] = s
	}
	return out
}

// name draws one of 676 names of places.
func name(rng *rand.Rand) string {
	return string([]rune{rune('a' + rng.IntN(26)), rune('a' + rng.IntN(26))})
}

func crossValidate(t *testing.T, r evaluation.Router, samples []evaluation.Sample) (evaluation.Scored, error) {
	t.Helper()
	cut, err := evaluation.Plan{Folds: 3, Seed: 1}.Cut(samples)
	if err != nil {
		t.Fatal(err)
	}
	return cut.CrossValidate(t.Context(), r, samples, nil)
}

func TestControlsLearnWhatTextDecides(t *testing.T) {
	samples := made(1500, 0.1, 1)
	for _, r := range controls.All(1) {
		scored, err := crossValidate(t, r, samples)
		if err != nil {
			t.Fatal(err)
		}
		labels := make([]bool, len(samples))
		for i, s := range samples {
			labels[i] = s.Escalate()
		}
		auroc, _ := evaluation.AUROC(labels, scored.Ranks)
		if r.Name() == "random" {
			if auroc < 0.45 || auroc > 0.55 {
				t.Errorf("random: AUROC %.3f", auroc)
			}
			continue
		}
		if auroc < 0.8 { // 10% of labels are flipped: about .9 is the ceiling
			t.Errorf("%s: AUROC %.3f on a task that text decides", r.Name(), auroc)
		}
		if scored.Calibrated {
			metric, _ := evaluation.MetricNamed("ece")
			if ece, ok := metric(evaluation.Weigh(samples, scored, 0, 0)); !ok || ece > 0.12 {
				t.Errorf("%s: calibration error %.3f", r.Name(), ece)
			}
		}
	}
}

// Where labels are pure chance, held-out scores must know nothing: a control that does better leaks.
func TestControlsFindNothingInNoise(t *testing.T) {
	samples := made(1500, 0.5, 2)
	labels := make([]bool, len(samples))
	for i, s := range samples {
		labels[i] = s.Escalate()
	}
	for _, r := range controls.All(1) {
		scored, err := crossValidate(t, r, samples)
		if err != nil {
			t.Fatal(err)
		}
		if auroc, _ := evaluation.AUROC(labels, scored.Ranks); auroc < 0.43 || auroc > 0.57 {
			t.Errorf("%s: AUROC %.3f on coin flips", r.Name(), auroc)
		}
	}
}

func TestControlsAreDeterministic(t *testing.T) {
	samples := made(300, 0.1, 3)
	a, b := controls.All(5), controls.All(5)
	for i := range a {
		for _, r := range []evaluation.Router{a[i], b[i]} {
			if err := r.Fit(samples); err != nil {
				t.Fatal(err)
			}
		}
		for _, s := range samples[:20] {
			if x, y := a[i].Score(s.Text), b[i].Score(s.Text); x != y {
				t.Fatalf("%s scores %q %v and %v", a[i].Name(), s.Text, x, y)
			}
		}
	}
}

func TestTooFewSamplesAreRefused(t *testing.T) {
	few := made(3, 0, 4)
	for _, r := range []evaluation.Router{&controls.Logistic{}, &controls.KMeans{}} {
		if err := r.Fit(few); err == nil {
			t.Errorf("%s was fitted on three samples", r.Name())
		}
	}
	if err := (&controls.KNN{}).Fit(nil); err == nil {
		t.Error("knn was fitted on nothing")
	}
}
