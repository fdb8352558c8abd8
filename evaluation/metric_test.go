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

// metric is one by its name; one that is not there panics when it is called.
func metric(name string) evaluation.Metric {
	m, _ := evaluation.MetricNamed(name)
	return m
}

func TestECEByHand(t *testing.T) {
	// bin 0.1..0.2: two at .15, one true: |.15-.5|; bin 0.9..1: two at 1, both true: 0
	p := []float64{0.15, 0.15, 1, 1}
	got, _ := metric("ece")(evaluation.Weigh([]evaluation.Sample{{Large: 1}, {}, {Large: 1}, {Large: 1}}, evaluation.Scored{Ranks: p, Scores: p, Calibrated: true}, 0, 0))
	near(t, "ECE", got, 0.5*0.35)
	w := evaluation.Weigh(make([]evaluation.Sample, 2), evaluation.Scored{Ranks: []float64{1, 1}, Scores: []float64{0.15, 0.17}}, 0, 0)
	if bins := w.Reliability(); bins[1].Count != 2 {
		t.Fatalf("bins %+v", bins)
	}
	near(t, "predicted", w.Reliability()[1].Predicted, 0.16)
	near(t, "observed", w.Reliability()[1].Observed, 0)
}

func macroF1(labels []bool, scores []float64, share float64) float64 {
	samples := make([]evaluation.Sample, len(labels))
	for i, yes := range labels {
		if yes {
			samples[i].Large = 1
		}
	}
	f1, _ := metric("macro_f1")(evaluation.Weigh(samples, evaluation.Scored{Ranks: scores}, share, 0))
	return f1
}

func TestMacroF1ByHand(t *testing.T) {
	labels := []bool{true, true, false, false, false}
	scores := []float64{0.9, 0.1, 0.8, 0.2, 0.3}
	// the two highest of five escalate: tp 1, fp 1, fn 1 -> 1/2; stay: tp 2, fp 1, fn 1 -> 2/3
	near(t, "macro-F1", macroF1(labels, scores, 0.4), (0.5+2.0/3)/2)
	near(t, "macro-F1, nothing found", macroF1([]bool{true, false}, []float64{0, 1}, 0.5), 0)
	// five tie and two of them escalate: two fifths of each kind
	near(t, "macro-F1 of ties", macroF1(labels, []float64{1, 1, 1, 1, 1}, 0.4), (0.4+0.6)/2)
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
	weigh := func() *evaluation.Weighted { return evaluation.Weigh(samples, evaluation.Scored{Ranks: good}, 0, 0) }
	ci := *evaluation.Bootstrap(weigh(), draws, metric("apgr"))[0]
	if !(ci.Lo < apgr && apgr < ci.Hi) || ci.Hi-ci.Lo > 0.2 {
		t.Errorf("APGR %v outside or far from its interval %+v", apgr, ci)
	}
	if again := *evaluation.Bootstrap(weigh(), evaluation.Resamples(len(samples), 300, 7), metric("apgr"))[0]; again != ci {
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

// Walking the order with weights gives what sorting the resampled samples gives.
func TestAResampleIsTheSamplesThatWereDrawn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		samples, ranks := samplesGen(t)
		draw := evaluation.Resamples(len(samples), 1, rapid.Uint64().Draw(t, "seed"))[0]
		var drawn []evaluation.Sample
		var drawnRanks []float64
		for i, k := range draw {
			for range k {
				drawn, drawnRanks = append(drawn, samples[i]), append(drawnRanks, ranks[i])
			}
		}
		for _, name := range evaluation.MetricNames() {
			want, wantOK := metric(name)(evaluation.Weigh(drawn, evaluation.Scored{Ranks: drawnRanks, Scores: drawnRanks, Calibrated: true}, 0.3, 2))
			var got float64
			var gotOK bool
			w := evaluation.Weigh(samples, evaluation.Scored{Ranks: ranks, Scores: ranks, Calibrated: true}, 0.3, 2)
			evaluation.Bootstrap(w, evaluation.Draws{draw}, func(w *evaluation.Weighted) (float64, bool) {
				got, gotOK = metric(name)(w)
				return got, gotOK
			})
			if gotOK != wantOK || wantOK && (got-want > 1e-9 || want-got > 1e-9) {
				t.Fatalf("%s: %v (%v), want %v (%v)", name, got, gotOK, want, wantOK)
			}
		}
	})
}

// A metric that many resamples leave undefined has a wider interval, or none: never a narrower one.
func TestUndefinedResamplesWidenAnInterval(t *testing.T) {
	samples := make([]evaluation.Sample, 10)
	w := evaluation.Weigh(samples, evaluation.Scored{Ranks: make([]float64, 10)}, 0, 0)
	n := 0
	every := func(undefined int) evaluation.Metric { // values 0, 1, 2, ..., the first ones undefined
		n = 0
		return func(*evaluation.Weighted) (float64, bool) { n++; return float64(n), n > undefined }
	}
	draws := evaluation.Resamples(10, 200, 1)
	whole := evaluation.Bootstrap(w, draws, every(0))[0]
	if whole == nil || whole.Lo != 6 || whole.Hi != 195 {
		t.Fatalf("interval of 1..200: %+v", whole)
	}
	part := evaluation.Bootstrap(w, draws, every(4))[0]
	if part == nil || part.Lo != 6 || part.Hi != 199 {
		t.Errorf("interval of 1..200 with 1 to 4 undefined, which may lie beyond either end: %+v", part)
	}
	if none := evaluation.Bootstrap(w, draws, every(20))[0]; none != nil {
		t.Errorf("a tenth is undefined, and yet the interval is %+v", none)
	}
}
