package routing

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Calibration turns a model's scores into probabilities: log-probabilities are divided by Temperature, Bias
// is added to each policy's, in the order of the policies, and the result is normalised.
type Calibration struct {
	// Temperature is positive; 1 leaves scores alone.
	Temperature float64 `json:"temperature"`
	// Bias is empty, or one number a policy.
	Bias []float64 `json:"bias,omitempty"`
	// Threshold is the P(Complex) from which on as many queries of the validation slice are Complex as training has;
	// 0 where none was chosen. The front asks the large model from there on, unless told otherwise.
	Threshold float64 `json:"threshold,omitempty"`
	// Rows is the size of the validation slice; NLLBefore and NLLAfter are its mean negative log-likelihood.
	Rows      int     `json:"rows,omitempty"`
	NLLBefore float64 `json:"nll_before,omitempty"`
	NLLAfter  float64 `json:"nll_after,omitempty"`
}

// Validate refuses what makes no probabilities of that many policies.
func (c Calibration) Validate(policies int) error {
	if !(c.Temperature > 0) || math.IsInf(c.Temperature, 0) {
		return fmt.Errorf("calibration: temperature %g must be positive", c.Temperature)
	}
	if len(c.Bias) != 0 && len(c.Bias) != policies {
		return fmt.Errorf("calibration: %d biases for %d policies", len(c.Bias), policies)
	}
	for _, b := range c.Bias {
		if math.IsNaN(b) || math.IsInf(b, 0) {
			return fmt.Errorf("calibration: bias %g is not finite", b)
		}
	}
	return nil
}

// Apply turns log-probabilities into calibrated probabilities, in place.
func (c Calibration) Apply(scores []float64) {
	top := math.Inf(-1)
	for i := range scores {
		scores[i] /= c.Temperature
		if len(c.Bias) > 0 {
			scores[i] += c.Bias[i]
		}
		top = max(top, scores[i])
	}
	sum := 0.0
	for i, s := range scores {
		scores[i] = math.Exp(s - top)
		sum += scores[i]
	}
	for i := range scores {
		scores[i] /= sum
	}
}

// loss is the mean negative log-likelihood of the labels.
func (c Calibration) loss(scores [][]float64, labels []int) float64 {
	sum := 0.0
	p := make([]float64, len(scores[0]))
	for i, s := range scores {
		copy(p, s)
		c.Apply(p)
		sum -= math.Log(max(p[labels[i]], 1e-12))
	}
	return sum / float64(len(scores))
}

// Fit finds the temperature and the biases that make a validation slice likeliest: scores are a model's
// log-probabilities by row, labels the index of the right policy, prior the share of each policy in training.
// The slice is small, so the biases are drawn towards those that alone would reproduce the prior, and the
// temperature towards 1, each with the weight of a few rows. The gradient is followed from there; it
// gives the same numbers every time.
func Fit(scores [][]float64, labels []int, prior []float64) (Calibration, error) {
	c := Calibration{Temperature: 1, Bias: make([]float64, len(prior)), Rows: len(scores)}
	if len(scores) == 0 || len(scores) != len(labels) {
		return c, errors.New("calibrate: no validation rows")
	}
	c.NLLBefore = Calibration{Temperature: 1}.loss(scores, labels)
	f := fit{scores: scores, labels: labels, start: make([]float64, len(prior))}
	for i, share := range prior {
		f.start[i] = math.Log(max(share, 1e-3)) - math.Log(f.mean(i))
	}
	slope, bias := f.descend()
	c.Temperature, c.Bias = 1/slope, bias
	c.NLLAfter = c.loss(scores, labels)
	return c, c.Validate(len(prior))
}

type fit struct {
	scores [][]float64
	labels []int
	start  []float64
}

// mean is what the scores say of a policy on average.
func (f fit) mean(policy int) float64 {
	sum := 0.0
	for _, s := range f.scores {
		sum += math.Exp(s[policy])
	}
	return max(sum/float64(len(f.scores)), 1e-6)
}

// Bounds of 1/temperature, and how many rows the starting point is worth.
const (
	minSlope, maxSlope = 0.001, 5
	biasRows           = 20
	slopeRows          = 2
)

// descend minimises the penalised loss over the logarithm of slope = 1/temperature and the biases. The logarithm's step
// is bounded, so that scores that are far apart, whose loss is steep in the slope, do not throw it from bound to bound.
func (f fit) descend() (slope float64, bias []float64) {
	slope, bias = 1, append([]float64(nil), f.start...)
	n := float64(len(f.scores))
	p, gradient := make([]float64, len(bias)), make([]float64, len(bias))
	const rate, rounds, most = 0.3, 3000, 0.1
	for range rounds {
		pull := slopeRows * math.Log(slope)
		for i := range bias {
			gradient[i] = biasRows * (bias[i] - f.start[i]) / 4
		}
		for i, s := range f.scores {
			copy(p, s)
			Calibration{Temperature: 1 / slope, Bias: bias}.Apply(p)
			p[f.labels[i]]--
			for j, d := range p {
				gradient[j] += d
				pull += d * s[j] * slope
			}
		}
		for j := range bias {
			bias[j] -= rate * gradient[j] / n
		}
		step := min(max(rate*0.3*pull/n, -most), most)
		slope = min(max(slope*math.Exp(-step), minSlope), maxSlope)
	}
	return slope, bias
}

// ThresholdFor is the score that a share of the scores, the highest ones, reaches: as many queries as that would
// be Complex at it. Scores that tie go together, and are left out where that comes closer to the share: of a router
// that tells nothing apart none is Complex. 0 where there is no score, or the share is none of them.
func ThresholdFor(scores []float64, share float64) float64 {
	sorted := slices.Sorted(slices.Values(scores))
	slices.Reverse(sorted)
	n := min(int(math.Round(share*float64(len(sorted)))), len(sorted))
	if n < 1 {
		return 0
	}
	edge := sorted[n-1]
	above, reaching := n-1, n
	for above > 0 && sorted[above-1] == edge {
		above--
	}
	for reaching < len(sorted) && sorted[reaching] == edge {
		reaching++
	}
	if reaching-n > n-above {
		return math.Nextafter(edge, 1) // the next score above it is as far as anybody can see
	}
	return edge
}
