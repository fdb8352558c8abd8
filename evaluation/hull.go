package evaluation

import (
	"cmp"
	"math"
	"slices"
	"sort"
)

// Hull is the non-decreasing convex hull of operating points in the plane of cost and accuracy, sorted
// by cost (RouterBench: Hu et al. 2024, arXiv:2403.12031, section 3.2): what can be had by mixing points at random.
func Hull(points []Point) []Point {
	sorted := slices.SortedStableFunc(slices.Values(points), func(a, b Point) int {
		return cmp.Or(cmp.Compare(a.Cost, b.Cost), cmp.Compare(b.Accuracy, a.Accuracy))
	})
	var hull []Point
	for _, p := range sorted {
		if len(hull) > 0 && p.Accuracy <= hull[len(hull)-1].Accuracy {
			continue // dearer and no better
		}
		for len(hull) >= 2 && cross(hull[len(hull)-2], hull[len(hull)-1], p) >= 0 {
			hull = hull[:len(hull)-1]
		}
		hull = append(hull, p)
	}
	return hull
}

// cross is positive where b lies below the line from a to c.
func cross(a, b, c Point) float64 {
	return (b.Cost-a.Cost)*(c.Accuracy-a.Accuracy) - (b.Accuracy-a.Accuracy)*(c.Cost-a.Cost)
}

// HullAt is the accuracy that the hull gives for a cost: its first accuracy is not had below its first
// cost (0 there), its last holds beyond its last.
func HullAt(hull []Point, cost float64) float64 {
	i := sort.Search(len(hull), func(i int) bool { return hull[i].Cost > cost })
	switch {
	case len(hull) == 0 || i == 0:
		return 0
	case i == len(hull):
		return hull[i-1].Accuracy
	}
	a, b := hull[i-1], hull[i]
	return a.Accuracy + (cost-a.Cost)/(b.Cost-a.Cost)*(b.Accuracy-a.Accuracy)
}

// AIQ is the average improvement in quality (RouterBench, eq. 6): the area under the router's
// non-decreasing convex hull between the costs lo and hi, divided by hi - lo. All routers of a table
// share lo and hi. ok is false where the range is empty.
func AIQ(c Curve, lo, hi float64) (aiq float64, ok bool) {
	if hi <= lo {
		return 0, false
	}
	hull := Hull(c)
	cuts := []float64{lo, hi}
	for _, p := range hull {
		if p.Cost > lo && p.Cost < hi {
			cuts = append(cuts, p.Cost)
		}
	}
	slices.Sort(cuts)
	area := 0.0
	for i := 1; i < len(cuts); i++ {
		// the hull is linear between cuts; where it begins inside the range, it jumps at a cut
		left, right := HullAt(hull, cuts[i-1]), HullAt(hull, cuts[i])
		if len(hull) > 0 && cuts[i-1] < hull[0].Cost {
			right = 0
		}
		area += (cuts[i] - cuts[i-1]) * (left + right) / 2
	}
	return area / (hi - lo), true
}

// RouterArena's constants (arXiv:2510.00202): dollars per thousand queries, and the weight of cost.
const (
	arenaCostMax = 200.0
	arenaCostMin = 0.0044
	arenaBeta    = 0.1
)

// ArenaScore is RouterArena's score of an operating point: the weighted harmonic mean of accuracy and
// log-normalised cost. cost is in micro-dollars a query.
func ArenaScore(accuracy, cost float64) float64 {
	perThousand := min(max(cost*1000/1e6, arenaCostMin), arenaCostMax)
	c := (math.Log2(arenaCostMax) - math.Log2(perThousand)) / (math.Log2(arenaCostMax) - math.Log2(arenaCostMin))
	if accuracy <= 0 || c <= 0 {
		return 0
	}
	return (1 + arenaBeta) * accuracy * c / (arenaBeta*accuracy + c)
}
