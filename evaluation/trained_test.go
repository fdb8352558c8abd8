package evaluation_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"sluice"
	"sluice/evaluation"
	"sluice/routing"
)

// scripted decides by a word and fails on another.
type scripted struct{}

func (scripted) Version() string { return "scripted" }
func (scripted) Route(_ context.Context, q routing.Request) (routing.Choice, error) {
	switch {
	case strings.Contains(q.Text, "broken"):
		return routing.Choice{}, errors.New("no policy in this text")
	case strings.Contains(q.Text, "damaged"):
		return routing.Choice{Probabilities: map[sluice.Policy]float64{sluice.Complex: math.NaN()}}, nil
	case strings.Contains(q.Text, "hard"):
		return routing.Choice{Probabilities: map[sluice.Policy]float64{sluice.Complex: 0.9}}, nil
	}
	return routing.Choice{Probabilities: map[sluice.Policy]float64{sluice.Complex: 0.2}}, nil
}

func TestATrainedRouterIsScoredAsItIsAndScoresLowestWhereItFails(t *testing.T) {
	samples := []evaluation.Sample{{Text: "easy"}, {Text: "hard"}, {Text: "broken and hard"}, {Text: "damaged"}}
	r := evaluation.NewTrained(t.Context(), "v1", scripted{})
	if err := r.Fit(samples); err != nil {
		t.Fatal(err)
	}
	scored, err := evaluation.ScoreAll(t.Context(), r, samples)
	if err != nil {
		t.Fatal(err)
	}
	if s := scored.Scores; s[0] != 0.2 || s[1] != 0.9 || s[2] != 0 || s[3] != 0 {
		t.Errorf("scores %v", s)
	}
	if r := scored.Ranks; !(r[2] < r[0] && r[0] < r[1]) {
		t.Errorf("ranks %v", r)
	}
	if scored.Name != "v1" || !scored.Calibrated {
		t.Errorf("%q, calibrated %t", scored.Name, scored.Calibrated)
	}
}
