package online

import (
	"math"
	"slices"
)

// PolicyFeature is the name under which the drift of the policies themselves goes.
const PolicyFeature = "policy"

// Bins is a distribution over ordered bins: Edges[i] is where bin i ends and bin i+1 begins, so that there is one
// more count than edges.
type Bins struct {
	Edges  []float64
	Counts []float64
}

// Profile is what traffic looks like: a distribution for each feature, and one over the policies.
type Profile struct {
	Features map[string]Bins
	Policies map[string]float64
	// N is how many queries it is made of.
	N int64
}

// Edges cuts values at their deciles, so that every bin of the reference holds about as many; equal edges are
// one. The values are put in order. Nil for no values.
func Edges(values []float64) []float64 {
	slices.Sort(values)
	var edges []float64
	for i := 1; i < 10 && len(values) > 0; i++ {
		e := values[min(len(values)-1, i*len(values)/10)]
		if len(edges) == 0 || e > edges[len(edges)-1] {
			edges = append(edges, e)
		}
	}
	return edges
}

// Fill puts values into the bins of edges. A value that equals an edge belongs to the bin above it, as Postgres'
// width_bucket has it.
func Fill(edges, values []float64) []float64 {
	counts := make([]float64, len(edges)+1)
	for _, v := range values {
		i, found := slices.BinarySearch(edges, v)
		if found {
			i++
		}
		counts[i]++
	}
	return counts
}

// leastShare stands for an empty bin, whose logarithm would be infinite.
const leastShare = 1e-4

// psi is the population stability index of two distributions over the same bins: the sum of (a-e)*ln(a/e) over
// their shares. Below 0.1 nothing moved, above 0.25 much did. Empty distributions and ones of different
// lengths have none: NaN.
func psi(expected, actual []float64) float64 {
	if len(expected) != len(actual) || sum(expected) <= 0 || sum(actual) <= 0 {
		return math.NaN()
	}
	psi, es, as := 0.0, sum(expected), sum(actual)
	for i := range expected {
		e, a := max(expected[i]/es, leastShare), max(actual[i]/as, leastShare)
		psi += (a - e) * math.Log(a/e)
	}
	return psi
}

func sum(xs []float64) float64 {
	total := 0.0
	for _, x := range xs {
		total += x
	}
	return total
}

// Drift is the index of every feature that both profiles have, and of the policies. The actual profile must have
// been counted by the edges of the reference.
func Drift(reference, actual Profile) map[string]float64 {
	out := map[string]float64{}
	keep := func(name string, psi float64) {
		if !math.IsNaN(psi) {
			out[name] = psi
		}
	}
	for name, ref := range reference.Features {
		keep(name, psi(ref.Counts, actual.Features[name].Counts))
	}
	var names []string
	for p := range reference.Policies {
		names = append(names, p)
	}
	for p := range actual.Policies {
		if !slices.Contains(names, p) {
			names = append(names, p)
		}
	}
	slices.Sort(names)
	var e, a []float64
	for _, p := range names {
		e, a = append(e, reference.Policies[p]), append(a, actual.Policies[p])
	}
	keep(PolicyFeature, psi(e, a))
	return out
}
