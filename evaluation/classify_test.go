package evaluation_test

import (
	"testing"

	"pgregory.net/rapid"

	"sluice/evaluation"
)

// evaluation.AUROC by counting pairs.
func TestAUROCCountsPairs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 30).Draw(t, "n")
		labels, scores := make([]bool, n), make([]float64, n)
		for i := range labels {
			labels[i] = rapid.Bool().Draw(t, "label")
			scores[i] = float64(rapid.IntRange(0, 6).Draw(t, "score"))
		}
		wins, pairs := 0.0, 0.0
		for i := range labels {
			for j := range labels {
				if labels[i] && !labels[j] {
					pairs++
					switch {
					case scores[i] > scores[j]:
						wins++
					case scores[i] == scores[j]:
						wins += 0.5
					}
				}
			}
		}
		got, ok := evaluation.AUROC(labels, scores)
		if ok != (pairs > 0) || ok && (got-wins/pairs > 1e-9 || wins/pairs-got > 1e-9) {
			t.Fatalf("AUROC %v (%v), want %v of %v pairs", got, ok, wins, pairs)
		}
	})
}

func TestECEByHand(t *testing.T) {
	// bin 0.1..0.2: two at .15, one true: |.15-.5|; bin 0.9..1: two at 1, both true: 0
	got := evaluation.ECE([]bool{true, false, true, true}, []float64{0.15, 0.15, 1, 1})
	near(t, "ECE", got, 0.5*0.35)
	bins := evaluation.Reliability([]bool{true, false}, []float64{0.15, 0.17}, 10)
	if bins[1].Count != 2 {
		t.Fatalf("bins %+v", bins)
	}
	near(t, "predicted", bins[1].Predicted, 0.16)
	near(t, "observed", bins[1].Observed, 0.5)
}

func TestMacroF1ByHand(t *testing.T) {
	labels := []bool{true, true, false, false, false}
	scores := []float64{0.9, 0.1, 0.8, 0.2, 0.3}
	// escalate: tp 1, fp 1, fn 1 -> 1/2; stay: tp 2, fp 1, fn 1 -> 2/3
	near(t, "macro-F1", evaluation.MacroF1(labels, scores, 0.5), (0.5+2.0/3)/2)
	near(t, "macro-F1, nothing found", evaluation.MacroF1([]bool{true, false}, []float64{0, 1}, 0.5), 0)
}

func TestBootstrapIsDeterministicAndCoversTheEstimate(t *testing.T) {
	var samples []evaluation.Sample
	var good, blind []float64
	for i := range 400 {
		s := evaluation.Sample{Medium: float64(i % 2), Large: 1}
		samples = append(samples, s)
		score := float64(i*7919%400) / 400 // noise
		blind = append(blind, score)
		if s.Escalate() {
			score += 0.3
		}
		good = append(good, score)
	}
	draws := evaluation.Resamples(len(samples), 300, 7)
	apgr, _ := evaluation.NewCurve(samples, good, 0).APGR()
	ci := evaluation.Bootstrap(samples, good, draws, evaluation.APGRMetric)
	if !(ci.Lo < apgr && apgr < ci.Hi) || ci.Hi-ci.Lo > 0.2 {
		t.Errorf("APGR %v outside or far from its interval %+v", apgr, ci)
	}
	if again := evaluation.Bootstrap(samples, good, evaluation.Resamples(len(samples), 300, 7), evaluation.APGRMetric); again != ci {
		t.Errorf("the same seed gives %+v and %+v", ci, again)
	}
	scored := func(name string, x []float64) evaluation.Scored { return evaluation.Scored{Name: name, Ranks: x} }
	if r := (evaluation.Gate{Draws: 300}).Judge(samples, scored("good", good), scored("blind", blind)); !r.Promote {
		t.Errorf("a router that sees the label is refused: %+v", r)
	}
	if r := (evaluation.Gate{Draws: 300}).Judge(samples, scored("blind", blind), scored("good", good)); r.Promote {
		t.Errorf("a worse router is promoted: %+v", r)
	}
	if r := (evaluation.Gate{Draws: 300}).Judge(samples, scored("good", good), scored("good", good)); r.Promote || r.Difference.Lo != 0 {
		t.Errorf("a router is promoted over itself: %+v", r)
	}
}
