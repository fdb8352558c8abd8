package evaluation

// baselineResults are the lines that need no router: each model alone, the hull of both, and the oracle, which
// looks at the grades and so bounds what any router can do.
func baselineResults(samples []Sample, o Options) []Result {
	o.SecondCost = 0
	oracle := Scored{Name: "oracle", Ranks: make([]float64, len(samples))}
	for i, s := range samples {
		oracle.Ranks[i] = s.Large - s.Medium
	}
	best := measure(samples, oracle, o)
	ends := Weigh(samples, Scored{Ranks: make([]float64, len(samples))}, 0, 0).Curve()
	lo, hi := ends[0].Cost, ends[1].Cost
	line := func(name string, c Curve, at Point) Result {
		r := Result{Name: name, Curve: c}
		if aiq, ok := AIQ(c, lo, hi); ok && !o.Unpriced {
			r.AIQ = &aiq
		}
		r.operate(ends, at, o)
		return r
	}
	hull := line("hull-of-models", ends, ends.At(o.OperatingShare))
	if !o.Unpriced && hull.Cost != nil {
		at := ends.At(o.OperatingShare)
		at.Accuracy = HullAt(Hull(ends), at.Cost)
		hull.operate(ends, at, o)
	}
	hull.Curve = Hull(ends)
	return []Result{line("always-medium", ends[:1], ends[0]), line("always-large", ends[1:], ends[1]), hull, best}
}

// baselines lists the names that are no routers; "random" is one, but not a learnt one.
var baselines = map[string]bool{"always-medium": true, "always-large": true, "hull-of-models": true, "oracle": true, "random": true}

// isControl says whether a line of the table belongs to a control that any learnt router must beat: a
// baseline, or one of package controls.
func isControl(name string) bool {
	switch name {
	case "length", "kmeans", "knn", "logistic":
		return true
	}
	return baselines[name]
}
