package controls

import (
	"math"

	"sluice/evaluation"
)

// Random scores every query the same, so that its curve is the straight line of a random mix of both
// models at every cost.
type Random struct{ share float64 }

// Name is "random".
func (*Random) Name() string { return "random" }

// Fit learns the share of escalating samples.
func (r *Random) Fit(train []evaluation.Sample) error {
	r.share = prior(train)
	return nil
}

// Score is that share.
func (r *Random) Score(string) float64 { return r.share }

// Calibrated is true: the share is a probability.
func (*Random) Calibrated() bool { return true }

// Length scores a query by its number of words, in the direction that the training samples show.
type Length struct{ sign float64 }

// Name is "length".
func (*Length) Name() string { return "length" }

// Fit learns whether longer queries escalate more or less often than shorter ones.
func (l *Length) Fit(train []evaluation.Sample) error {
	labels, scores := make([]bool, len(train)), make([]float64, len(train))
	for i, s := range train {
		labels[i], scores[i] = s.Escalate(), words(s.Text)
	}
	l.sign = 1
	if auroc, ok := evaluation.AUROC(labels, scores); ok && auroc < 0.5 {
		l.sign = -1
	}
	return nil
}

// Score is not a probability.
func (l *Length) Score(text string) float64 { return l.sign * words(text) }

func words(text string) float64 { return math.Log(float64(1 + len(tokens(text)))) }
