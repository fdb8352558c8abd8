package evaluation_test

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sluice/evaluation"
)

// four queries, worked out by hand: only the large model knows b and c, only the medium one d.
var four = []evaluation.Sample{
	{ID: "a", Text: "a", Medium: 1, Large: 1, MediumCost: 10, LargeCost: 100},
	{ID: "b", Text: "b", Medium: 0, Large: 1, MediumCost: 10, LargeCost: 100},
	{ID: "c", Text: "c", Medium: 0, Large: 1, MediumCost: 10, LargeCost: 200},
	{ID: "d", Text: "d", Medium: 1, Large: 0, MediumCost: 10, LargeCost: 100},
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-12 {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestCurveByHand(t *testing.T) {
	c := evaluation.NewCurve(four, []float64{0.2, 0.9, 0.8, 0.1}, 5)
	want := evaluation.Curve{{0, 0.5, 15}, {0.25, 0.75, 37.5}, {0.5, 1, 85}, {0.75, 1, 107.5}, {1, 0.75, 130}}
	if len(c) != len(want) {
		t.Fatalf("%d points, want %d: %+v", len(c), len(want), c)
	}
	for i := range want {
		near(t, "share", c[i].LargeShare, want[i].LargeShare)
		near(t, "accuracy", c[i].Accuracy, want[i].Accuracy)
		near(t, "cost", c[i].Cost, want[i].Cost)
	}
	// area under accuracy by trapezia: .25*(.625+.875+1+.875) = .84375; gap .25; (.84375-.5)/.25
	apgr, ok := c.APGR()
	if !ok {
		t.Fatal("no APGR")
	}
	near(t, "APGR", apgr, 1.375)
	cpt, _ := c.CPT(0.5)
	near(t, "CPT(50%)", cpt, 0.125)
	cpt, _ = c.CPT(0.8)
	near(t, "CPT(80%)", cpt, 0.2)
	share, _ := c.CostPT(0.5) // cost 26.25 of 15..130
	near(t, "CostPT(50%)", share, (26.25-15)/(130-15))
}

// A constant score is a random mix: the straight line, APGR one half, CPT(x) = x.
func TestConstantScoreIsTheRandomMix(t *testing.T) {
	c := evaluation.NewCurve(four, []float64{3, 3, 3, 3}, 0)
	apgr, _ := c.APGR()
	near(t, "APGR", apgr, 0.5)
	cpt, _ := c.CPT(0.8)
	near(t, "CPT(80%)", cpt, 0.8)
}

func TestNoGapIsUndefined(t *testing.T) {
	same := []evaluation.Sample{{Medium: 1, Large: 1}, {Medium: 0, Large: 0}}
	c := evaluation.NewCurve(same, []float64{1, 2}, 0)
	if _, ok := c.APGR(); ok {
		t.Error("APGR is defined without a gap")
	}
	if _, ok := c.CPT(0.5); ok {
		t.Error("CPT is defined without a gap")
	}
}

// Where the medium model is the better one, sending more to the large one loses: a share of that loss must not
// rank the router that loses most in front.
func TestWhereTheLargeModelIsWorseNothingIsRecoveredAndNobodyIsPromotedForLosing(t *testing.T) {
	var samples []evaluation.Sample
	var wise, foolish []float64 // escalates where it pays, and where it costs
	for range 40 {
		samples = append(samples, evaluation.Sample{Medium: 1}, evaluation.Sample{Medium: 1, Large: 1}, evaluation.Sample{Large: 1}, evaluation.Sample{Medium: 1})
		wise, foolish = append(wise, 0, 1, 2, 0), append(foolish, 2, 1, 0, 2)
	}
	c := evaluation.NewCurve(samples, wise, 0)
	_, apgr := c.APGR()
	_, cpt := c.CPT(0.5)
	if apgr || cpt {
		t.Errorf("APGR is defined: %t, CPT: %t", apgr, cpt)
	}
	r := evaluation.Gate{Draws: 200}.Judge(samples, evaluation.Scored{Name: "foolish", Ranks: foolish}, evaluation.Scored{Name: "wise", Ranks: wise})
	if r.Promote || !strings.Contains(r.Reason, "not better than the medium") {
		t.Errorf("ruling %+v", r)
	}
}

func samplesGen(t *rapid.T) ([]evaluation.Sample, []float64) {
	n := rapid.IntRange(2, 40).Draw(t, "n")
	s, x := make([]evaluation.Sample, n), make([]float64, n)
	for i := range s {
		s[i] = evaluation.Sample{
			Medium: float64(rapid.IntRange(0, 1).Draw(t, "medium")), Large: float64(rapid.IntRange(0, 1).Draw(t, "large")),
			MediumCost: 10, LargeCost: 100,
		}
		x[i] = float64(rapid.IntRange(0, 5).Draw(t, "score"))
	}
	return s, x
}

// A router and its mirror image share the area of the square around the random line, and no router
// beats the oracle's order anywhere.
func TestCurveProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, x := samplesGen(t)
		mirrored, oracle := make([]float64, len(x)), make([]float64, len(x))
		for i := range x {
			mirrored[i], oracle[i] = -x[i], s[i].Large-s[i].Medium
		}
		c, m, o := evaluation.NewCurve(s, x, 0), evaluation.NewCurve(s, mirrored, 0), evaluation.NewCurve(s, oracle, 0)
		a, ok := c.APGR()
		b, _ := m.APGR()
		if ok && math.Abs(a+b-1) > 1e-9 {
			t.Fatalf("APGR %v and mirrored %v do not add up to 1", a, b)
		}
		for share := 0.0; share <= 1; share += 0.05 {
			if c.At(share).Accuracy > o.At(share).Accuracy+1e-9 {
				t.Fatalf("at share %v: %v beats the oracle's %v", share, c.At(share).Accuracy, o.At(share).Accuracy)
			}
		}
	})
}

func TestHullAndAIQByHand(t *testing.T) {
	points := evaluation.Curve{{0, 0.5, 0}, {0.3, 0.6, 40}, {0.5, 0.9, 50}, {0.7, 0.8, 70}, {1, 1, 100}}
	hull := evaluation.Hull(points)
	if len(hull) != 3 || hull[1].Cost != 50 || hull[2].Cost != 100 {
		t.Fatalf("hull %+v, want the points at cost 0, 50 and 100", hull)
	}
	near(t, "hull at 25", evaluation.HullAt(hull, 25), 0.7)
	near(t, "hull beyond", evaluation.HullAt(hull, 500), 1)
	aiq, _ := evaluation.AIQ(points, 0, 100) // (0.7*50 + 0.95*50) / 100
	near(t, "AIQ", aiq, 0.825)
	aiq, _ = evaluation.AIQ(evaluation.Curve{{1, 0.8, 50}}, 0, 100) // one model: nothing below its cost, 0.8 above
	near(t, "AIQ of one model", aiq, 0.4)
	if _, ok := evaluation.AIQ(points, 10, 10); ok {
		t.Error("AIQ over an empty range")
	}
}

// The hull is never below a point, never falls, and is concave.
func TestHullProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, x := samplesGen(t)
		c := evaluation.NewCurve(s, x, 0)
		hull := evaluation.Hull(c)
		for _, p := range c {
			if evaluation.HullAt(hull, p.Cost)+1e-9 < p.Accuracy {
				t.Fatalf("point %+v lies above the hull %+v", p, hull)
			}
		}
		for i := 2; i < len(hull); i++ {
			before := (hull[i-1].Accuracy - hull[i-2].Accuracy) / (hull[i-1].Cost - hull[i-2].Cost)
			after := (hull[i].Accuracy - hull[i-1].Accuracy) / (hull[i].Cost - hull[i-1].Cost)
			if after > before+1e-9 || after < 0 {
				t.Fatalf("slopes %v then %v: %+v", before, after, hull)
			}
		}
	})
}

// By the formula: cost $1 a thousand, accuracy 0.6: c = log2(200)/log2(200/0.0044).
func TestArenaScoreByFormula(t *testing.T) {
	c := math.Log2(200) / math.Log2(200/0.0044)
	near(t, "arena", evaluation.ArenaScore(0.6, 1000), 1.1*0.6*c/(0.1*0.6+c))
	near(t, "arena of nothing right", evaluation.ArenaScore(0, 1000), 0)
	near(t, "arena beyond the dearest", evaluation.ArenaScore(0.9, 1e9), 0)
}
