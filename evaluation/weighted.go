package evaluation

import (
	"cmp"
	"iter"
	"slices"
)

// Weighted is scored samples, each counted some number of times: once in the data as they are, as often as
// it was drawn in a resample. The order by rank is found once, so that a resample costs one walk.
type Weighted struct {
	samples []Sample
	scored  Scored
	ties    [][]int  // samples of equal rank, highest first
	weights []uint16 // nil: one each
	total   float64
	// routerCost is charged to every query, micro-dollars.
	routerCost float64
	share      float64 // of large calls at the operating point
	curve      Curve   // of the present weights; empty until asked for
}

// Weigh prepares scored samples. share is the operating point, the share of large calls; routerCost
// (micro-dollars) is charged to each query.
func Weigh(samples []Sample, scored Scored, share, routerCost float64) *Weighted {
	w := &Weighted{
		samples: samples, scored: scored, total: float64(len(samples)),
		routerCost: routerCost, share: share,
	}
	w.ties = slices.Collect(ties(scored.Ranks))
	return w
}

// ties yields the indices of equal values, the highest first, in their order among equals. What is not a number is
// the lowest.
func ties(values []float64) iter.Seq[[]int] {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(values[b], values[a]) })
	return func(yield func([]int) bool) {
		for i := 0; i < len(order); {
			j := i + 1
			for j < len(order) && cmp.Compare(values[order[j]], values[order[i]]) == 0 {
				j++
			}
			if !yield(order[i:j]) {
				return
			}
			i = j
		}
	}
}

// reweigh counts the samples anew.
func (w *Weighted) reweigh(weights []uint16) {
	w.weights, w.curve = weights, w.curve[:0]
}

// weight is how often sample i counts.
func (w *Weighted) weight(i int) float64 {
	if w.weights == nil {
		return 1
	}
	return float64(w.weights[i])
}

// Curve walks the threshold down. It holds until the weights change.
func (w *Weighted) Curve() Curve {
	if len(w.curve) > 0 {
		return w.curve
	}
	var quality, cost, sent float64
	for i, s := range w.samples {
		k := w.weight(i)
		quality += k * s.Medium
		cost += k * float64(s.MediumCost)
	}
	n := w.total
	w.curve = append(w.curve, Point{0, quality / n, cost/n + w.routerCost})
	for _, tie := range w.ties {
		before := sent
		for _, at := range tie {
			k, s := w.weight(at), w.samples[at]
			sent += k
			quality += k * (s.Large - s.Medium)
			cost += k * float64(s.LargeCost-s.MediumCost)
		}
		if sent > before { // else none of them was drawn
			w.curve = append(w.curve, Point{sent / n, quality / n, cost/n + w.routerCost})
		}
	}
	return w.curve
}

// blocks walks over groups of equal rank, highest first, with each group's weight of escalating samples
// and of others.
func (w *Weighted) blocks(visit func(escalating, others float64)) {
	for _, tie := range w.ties {
		var yes, no float64
		for _, at := range tie {
			if w.samples[at].Escalate() {
				yes += w.weight(at)
			} else {
				no += w.weight(at)
			}
		}
		visit(yes, no)
	}
}
