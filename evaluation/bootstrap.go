package evaluation

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Interval is a percentile bootstrap interval of 95% (Efron 1979).
type Interval struct {
	Lo float64 `json:"lo"`
	Hi float64 `json:"hi"`
}

// Draws are bootstrap resamples: how often each sample was drawn, a row a resample.
type Draws [][]uint16

// Resamples draws n resamples of a size with replacement, the same for the same seed, so that two
// routers are compared on the same draws.
func Resamples(size, n int, seed uint64) Draws {
	rng := rand.New(rand.NewPCG(seed, uint64(size)))
	draws := make(Draws, n)
	for d := range draws {
		draws[d] = make([]uint16, size)
		for range size {
			draws[d][rng.IntN(size)]++
		}
	}
	return draws
}

// percentile95 is the interval between the 2.5th and the 97.5th percentile of the values of n draws. A
// draw in which the metric was undefined is missing from values; it counts as lying beyond either end, so
// that an interval is never narrower for what could not be computed. ok is false where too many are
// missing for the interval to have ends.
func percentile95(values []float64, n int) (ci Interval, ok bool) {
	slices.Sort(values)
	missing, tail := n-len(values), int(math.Floor(0.025*float64(n)))
	lo, hi := tail-missing, len(values)-1-(tail-missing)
	if n == 0 || lo < 0 || hi < lo {
		return Interval{}, false
	}
	return Interval{values[lo], values[hi]}, true
}

// Bootstrap gives the interval of each metric over the draws; nil for one that has none. The samples are
// counted once each again afterwards.
func Bootstrap(w *Weighted, draws Draws, metrics ...Metric) []*Interval {
	values := make([][]float64, len(metrics))
	for _, d := range draws {
		w.reweigh(d)
		for m, metric := range metrics {
			if v, ok := metric(w); ok {
				values[m] = append(values[m], v)
			}
		}
	}
	w.reweigh(nil)
	out := make([]*Interval, len(metrics))
	for m := range metrics {
		if ci, ok := percentile95(values[m], len(draws)); ok {
			out[m] = &ci
		}
	}
	return out
}

// pairedDifference gives the interval of metric(a) - metric(b), both on the same draws of the same
// samples: the gate promotes a only where Lo is above zero. ok is false where the metric is undefined in
// too many draws for an interval.
func pairedDifference(a, b *Weighted, draws Draws, metric Metric) (ci Interval, ok bool) {
	values := make([]float64, 0, len(draws))
	for _, d := range draws {
		a.reweigh(d)
		b.reweigh(d)
		va, okA := metric(a)
		vb, okB := metric(b)
		if okA && okB {
			values = append(values, va-vb)
		}
	}
	a.reweigh(nil)
	b.reweigh(nil)
	return percentile95(values, len(draws))
}
