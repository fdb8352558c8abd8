package evaluation

import "sort"

// Point is one operating point of a router: a share of queries sent to the large model and what that
// gives.
type Point struct {
	// LargeShare is the share of calls that go to the large model, 0 to 1.
	LargeShare float64 `json:"large_share"`
	// Accuracy is the mean quality of the chosen answers.
	Accuracy float64 `json:"accuracy"`
	// Cost is the mean cost of a query in micro-dollars, the router's own included.
	Cost float64 `json:"cost_microusd"`
}

// Curve is what a router can do: its operating points from "all medium" to "all large" as the
// threshold on its score falls. Queries of equal score go together, so that a constant score gives the
// straight line between the two models, which is what a random mix gives in expectation.
type Curve []Point

// NewCurve sorts the samples by score and walks the threshold down. scores[i] belongs to samples[i];
// routerCost (micro-dollars a query) is charged at every point.
func NewCurve(samples []Sample, scores []float64, routerCost float64) Curve {
	return Weigh(samples, Scored{Ranks: scores}, 0, routerCost).Curve()
}

// weak is the accuracy of the medium model alone, strong that of the large one.
func (c Curve) weak() float64   { return c[0].Accuracy }
func (c Curve) strong() float64 { return c[len(c)-1].Accuracy }

// At interpolates the curve at a share of large calls.
func (c Curve) At(largeShare float64) Point {
	i := sort.Search(len(c), func(i int) bool { return c[i].LargeShare >= largeShare })
	if i == 0 {
		return c[0]
	}
	if i == len(c) {
		return c[len(c)-1]
	}
	a, b := c[i-1], c[i]
	f := (largeShare - a.LargeShare) / (b.LargeShare - a.LargeShare)
	return Point{largeShare, a.Accuracy + f*(b.Accuracy-a.Accuracy), a.Cost + f*(b.Cost-a.Cost)}
}

// gap is how much better the large model is. ok is false where it is not better: there is nothing to recover
// then, and a share of a loss would call the worse router the better one.
func (c Curve) gap() (gap float64, ok bool) {
	gap = c.strong() - c.weak()
	return gap, gap > 0
}

// APGR is the average performance gap recovered: the area, over the share of large calls from 0 to 1, under what is
// recovered of the gap between the medium model's accuracy and the large one's (RouteLLM: Ong et al. 2024,
// arXiv:2406.18665, eq. 4 and 7; the exact area instead of a sum over ten thresholds). A random mix has 0.5. ok is
// false where there is no gap.
func (c Curve) APGR() (apgr float64, ok bool) {
	gap, ok := c.gap()
	if !ok {
		return 0, false
	}
	area := 0.0
	for i := 1; i < len(c); i++ {
		area += (c[i].LargeShare - c[i-1].LargeShare) * (c[i].Accuracy + c[i-1].Accuracy) / 2
	}
	return (area - c.weak()) / gap, true
}

// CPT is the call-performance threshold: the least share of large calls at which the router recovers
// pgr of the gap (RouteLLM, eq. 8), so CPT(0.5) and CPT(0.8) are the paper's CPT(50%) and CPT(80%).
// ok is false where it never does, or where there is no gap.
func (c Curve) CPT(pgr float64) (largeShare float64, ok bool) {
	p, ok := c.reach(pgr)
	return p.LargeShare, ok
}

// CostPT is CPT by dollars: the share of the way from the medium model's cost to the large one's at
// which the router first recovers pgr of the gap. The router's own cost counts.
func (c Curve) CostPT(pgr float64) (costShare float64, ok bool) {
	p, ok := c.reach(pgr)
	lo, hi := c[0].Cost, c[len(c)-1].Cost
	if !ok || hi == lo {
		return 0, false
	}
	return (p.Cost - lo) / (hi - lo), true
}

// reach finds the first point of the curve, interpolated, that recovers pgr of the gap.
func (c Curve) reach(pgr float64) (Point, bool) {
	gap, ok := c.gap()
	if !ok {
		return Point{}, false
	}
	recovered := func(p Point) float64 { return (p.Accuracy - c.weak()) / gap }
	for i := 1; i < len(c); i++ {
		a, b := recovered(c[i-1]), recovered(c[i])
		if b < pgr {
			continue
		}
		f := 0.0
		if b > a {
			f = max(0, (pgr-a)/(b-a))
		}
		return c.At(c[i-1].LargeShare + f*(c[i].LargeShare-c[i-1].LargeShare)), true
	}
	return Point{}, false
}
