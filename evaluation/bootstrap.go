package evaluation

import (
	"math/rand/v2"
	"sort"
)

// Interval is a percentile bootstrap interval of 95%.
type Interval struct {
	Lo float64 `json:"lo"`
	Hi float64 `json:"hi"`
}

// Resamples draws n index sets of the given size with replacement, the same for the same seed, so that
// two routers are compared on the same draws.
func Resamples(size, n int, seed uint64) [][]int {
	rng := rand.New(rand.NewPCG(seed, uint64(size)))
	draws := make([][]int, n)
	for d := range draws {
		draws[d] = make([]int, size)
		for i := range draws[d] {
			draws[d][i] = rng.IntN(size)
		}
	}
	return draws
}

// percentile95 is the interval between the 2.5th and the 97.5th percentile.
func percentile95(values []float64) Interval {
	if len(values) == 0 {
		return Interval{}
	}
	sort.Float64s(values)
	at := func(q float64) float64 { return values[min(len(values)-1, int(q*float64(len(values))))] }
	return Interval{at(0.025), at(0.975)}
}

// Metric computes one number of resampled scored samples; ok is false where it is undefined there.
type Metric func(samples []Sample, scores []float64) (value float64, ok bool)

// APGRMetric is [Curve.APGR] as a [Metric].
func APGRMetric(samples []Sample, scores []float64) (float64, bool) {
	return NewCurve(samples, scores, 0).APGR()
}

// Bootstrap gives the interval of a metric over the draws.
func Bootstrap(samples []Sample, scores []float64, draws [][]int, metric Metric) Interval {
	values := make([]float64, 0, len(draws))
	for _, d := range draws {
		s, x := resample(samples, scores, d)
		if v, ok := metric(s, x); ok {
			values = append(values, v)
		}
	}
	return percentile95(values)
}

// PairedDifference gives the interval of metric(a) - metric(b), both on the same draws of the same
// samples: the gate promotes a only where Lo is above zero.
func PairedDifference(samples []Sample, a, b []float64, draws [][]int, metric Metric) Interval {
	values := make([]float64, 0, len(draws))
	for _, d := range draws {
		s, xa := resample(samples, a, d)
		_, xb := resample(samples, b, d)
		va, okA := metric(s, xa)
		vb, okB := metric(s, xb)
		if okA && okB {
			values = append(values, va-vb)
		}
	}
	return percentile95(values)
}

func resample(samples []Sample, scores []float64, draw []int) ([]Sample, []float64) {
	s, x := make([]Sample, len(draw)), make([]float64, len(draw))
	for i, at := range draw {
		s[i], x[i] = samples[at], scores[at]
	}
	return s, x
}
