package routing_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"sluice/routing"
)

// drawn makes labels of known probabilities, and scores that are those, sharpened.
func drawn(n int, sharp float64) (scores [][]float64, labels []int, truth [][]float64) {
	rng := rand.New(rand.NewPCG(7, 7))
	for range n {
		logits := []float64{1 + rng.NormFloat64(), rng.NormFloat64(), -1 + rng.NormFloat64()}
		p := append([]float64(nil), logits...)
		routing.Calibration{Temperature: 1}.Apply(p)
		u, label := rng.Float64(), 0
		for u > p[label] && label < 2 {
			u -= p[label]
			label++
		}
		s := append([]float64(nil), logits...)
		routing.Calibration{Temperature: 1 / sharp}.Apply(s)
		for i := range s {
			s[i] = math.Log(s[i])
		}
		scores, labels, truth = append(scores, s), append(labels, label), append(truth, p)
	}
	return scores, labels, truth
}

func TestFitFindsTheTemperature(t *testing.T) {
	scores, labels, truth := drawn(3000, 4)
	c, err := routing.Fit(scores, labels, []float64{0.6, 0.25, 0.15})
	if err != nil {
		t.Fatal(err)
	}
	if c.Temperature < 3.3 || c.Temperature > 4.8 {
		t.Errorf("temperature %.2f of scores that are four times too sharp", c.Temperature)
	}
	if c.NLLAfter >= c.NLLBefore {
		t.Errorf("loss %.4f before, %.4f after", c.NLLBefore, c.NLLAfter)
	}
	off := 0.0
	for i, s := range scores {
		c.Apply(s)
		off += math.Abs(s[1]-truth[i][1]) / float64(len(scores))
	}
	if off > 0.02 {
		t.Errorf("calibrated probabilities are %.3f off the truth on average", off)
	}
}

// A model that knows nothing must come out as the shares of training, not as its own fancies.
func TestNoiseIsCalibratedToTheShares(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	_, labels, _ := drawn(400, 1)
	scores := make([][]float64, len(labels))
	for i := range scores {
		s := []float64{3 * rng.NormFloat64(), 3 * rng.NormFloat64(), 3 * rng.NormFloat64()}
		routing.Calibration{Temperature: 1}.Apply(s)
		scores[i] = []float64{math.Log(s[0]), math.Log(s[1]), math.Log(s[2])}
	}
	c, err := routing.Fit(scores, labels, []float64{0.6, 0.25, 0.15})
	if err != nil {
		t.Fatal(err)
	}
	if c.Temperature < 5 {
		t.Errorf("noise keeps temperature %.2f", c.Temperature)
	}
}

func TestFewRowsMoveLittle(t *testing.T) {
	c, err := routing.Fit([][]float64{{-1, -1.2, -1.1}, {-1.1, -1, -1.2}}, []int{0, 1}, []float64{0.5, 0.3, 0.2})
	if err != nil {
		t.Fatal(err)
	}
	p := []float64{-1, -1, -1}
	c.Apply(p)
	if p[2] < 0.1 || p[2] > 0.3 {
		t.Errorf("two rows moved a share of 0.2 to %.2f", p[2])
	}
	if _, err := routing.Fit(nil, nil, []float64{1}); err == nil {
		t.Error("nothing was calibrated")
	}
}

func TestCalibrationIsChecked(t *testing.T) {
	for _, c := range []routing.Calibration{{}, {Temperature: -1}, {Temperature: math.NaN()}, {Temperature: 1, Bias: []float64{1}}, {Temperature: 1, Bias: []float64{0, math.NaN()}}} {
		if c.Validate(2) == nil {
			t.Errorf("%+v is valid", c)
		}
	}
	if err := (routing.Calibration{Temperature: 2, Bias: []float64{0, 1}}).Validate(2); err != nil {
		t.Error(err)
	}
}

func TestTheThresholdLetsAShareThrough(t *testing.T) {
	scores := []float64{0.1, 0.4, 0.2, 0.3, 0.25}
	for _, c := range []struct{ share, want float64 }{{0.2, 0.4}, {0.4, 0.3}, {0.5, 0.25}, {1, 0.1}, {0, 0}, {0.05, 0}} {
		if got := routing.ThresholdFor(scores, c.share); got != c.want {
			t.Errorf("share %g: threshold %g, want %g", c.share, got, c.want)
		}
	}
	if got := routing.ThresholdFor(nil, 0.5); got != 0 {
		t.Errorf("without scores: %g", got)
	}
	if scores[0] != 0.1 {
		t.Error("the scores were sorted in place")
	}
}

// Controls score many queries alike: those that know no neighbour, or share a cluster.
func TestAThresholdIsNotPulledFarPastTheShareByScoresThatTie(t *testing.T) {
	var scores []float64
	for score, n := range map[float64]int{0.9: 3, 0.3: 20, 0.1: 17} {
		scores = append(scores, slices.Repeat([]float64{score}, n)...)
	}
	reach := func(threshold float64) (n int) {
		for _, s := range scores {
			if s >= threshold {
				n++
			}
		}
		return n
	}
	for share, want := range map[float64]int{0.2: 3, 0.5: 23, 0.05: 3, 0.95: 40} { // of 40
		if got := reach(routing.ThresholdFor(scores, share)); got != want {
			t.Errorf("share %g: %d of 40 are Complex, want %d", share, got, want)
		}
	}
	same := slices.Repeat([]float64{0.3}, 10)
	if got := routing.ThresholdFor(same, 0.2); got <= 0.3 || got > 1 {
		t.Errorf("a router that tells nothing apart: threshold %g", got)
	}
	none := []float64{math.NaN(), math.NaN()} // of a training that diverged
	if got := routing.ThresholdFor(none, 0.5); !math.IsNaN(got) {
		t.Errorf("scores that are no numbers: threshold %g", got)
	}
}

// Preferences, and names of many tokens, drive scores far apart: log-odds of a hundred and more.
func TestFitFindsTheTemperatureOfScoresThatAreFarApart(t *testing.T) {
	shares := []float64{0.6, 0.25, 0.15}
	for _, sharp := range []float64{10, 20, 60} {
		for _, n := range []int{30, 150, 400} {
			scores, labels, truth := drawn(n, sharp)
			for i, s := range truth { // drawn loses what is below the smallest float64
				for j, p := range s {
					scores[i][j] = sharp * (math.Log(p) - math.Log(slices.Max(s)))
				}
			}
			c, err := routing.Fit(scores, labels, shares)
			if err != nil {
				t.Fatal(err)
			}
			knowing := 0.0 // the shares alone
			for _, l := range labels {
				knowing -= math.Log(shares[l]) / float64(n)
			}
			if c.NLLAfter > knowing || c.Temperature < sharp/4 || c.Temperature > 4*sharp {
				t.Errorf("%d rows, %g times too sharp: temperature %.2f, loss %.3f; the shares alone have %.3f", n, sharp, c.Temperature, c.NLLAfter, knowing)
			}
		}
	}
}
