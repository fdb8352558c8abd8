package evaluation

import (
	"fmt"
	"slices"
)

// Report is a whole table, and the form of the files in docs/results.
type Report struct {
	Dataset string `json:"dataset"`
	Rows    int    `json:"rows"`
	// Escalating is how many of the rows are Complex: only the large model is right.
	Escalating int     `json:"escalating"`
	Skipped    Skipped `json:"skipped,omitempty"`
	Split      string  `json:"split"`
	Seed       uint64  `json:"seed"`
	Medium     string  `json:"medium"`
	Large      string  `json:"large"`
	// NearDuplicates counts rows that were kept in the fold of a row that nearly says the same; Leaks what
	// was taken out of training since the test split has it too.
	NearDuplicates int    `json:"near_duplicates"`
	Leaks          *Leaks `json:"leaks,omitempty"`
	// Command is what makes the file again.
	Command string `json:"command,omitempty"`
	// CostBasis says where costs come from.
	CostBasis string `json:"cost_basis"`
	// MediumAccuracy and LargeAccuracy are the single models'.
	MediumAccuracy float64 `json:"medium_accuracy"`
	LargeAccuracy  float64 `json:"large_accuracy"`
	// Headline is the one sentence that a reader in a hurry gets; it says so where a learnt router does not
	// beat the controls.
	Headline    string       `json:"headline"`
	Routers     []Result     `json:"routers"`
	Differences []Difference `json:"differences,omitempty"`
	// Ruled are chains of rules over the routers, where they were asked for.
	Ruled []Ruled `json:"rules,omitempty"`
}

// Difference is a paired comparison of two routers on the same held-out queries.
type Difference struct {
	A      string `json:"a"`
	B      string `json:"b"`
	Metric string `json:"metric"`
	// Value is A's number minus B's; Interval is its 95% bootstrap interval, nil where it has none.
	Value    float64   `json:"value"`
	Interval *Interval `json:"interval"`
}

// Line finds a router's line.
func (r *Report) Line(name string) (Result, bool) {
	for _, x := range r.Routers {
		if x.Name == name {
			return x, true
		}
	}
	return Result{}, false
}

// Compare measures both routers on the metric and on the same draws.
func Compare(samples []Sample, a, b Scored, metric string, o Options) (Difference, bool) {
	m, ok := MetricNamed(metric)
	if !ok {
		return Difference{}, false
	}
	o = o.Resampled(samples)
	weigh := func(s Scored) *Weighted { return Weigh(samples, s, o.OperatingShare, s.LatencyUS/1e6*o.SecondCost) }
	wa, wb := weigh(a), weigh(b)
	va, okA := m(wa)
	vb, okB := m(wb)
	if !okA || !okB {
		return Difference{}, false
	}
	d := Difference{A: a.Name, B: b.Name, Metric: metric, Value: va - vb}
	if ci, ok := pairedDifference(wa, wb, o.draws, m); ok {
		d.Interval = &ci
	}
	return d, true
}

// Measure fills in every line of the table, what was scored of the samples and the baselines, compares
// each learnt router with the best control, and writes the headline.
func (r *Report) Measure(samples []Sample, all []Scored, o Options) {
	o = o.Resampled(samples)
	r.Rows, r.Escalating = len(samples), 0
	for _, s := range samples {
		if s.Escalate() {
			r.Escalating++
		}
		r.MediumAccuracy += s.Medium
		r.LargeAccuracy += s.Large
	}
	r.MediumAccuracy /= float64(len(samples))
	r.LargeAccuracy /= float64(len(samples))
	r.Routers = baselineResults(samples, o)
	for _, s := range all {
		r.Routers = append(r.Routers, measure(samples, s, o))
	}
	r.compare(samples, all, o)
	r.Headline = headline(r)
}

// compare sets every learnt router beside the best control.
func (r *Report) compare(samples []Sample, all []Scored, o Options) {
	best, found := bestOf(r.Routers, func(x Result) bool { return isControl(x.Name) && !baselines[x.Name] })
	if !found {
		return
	}
	control := all[slices.IndexFunc(all, func(s Scored) bool { return s.Name == best.Name })]
	for _, s := range all {
		if isControl(s.Name) {
			continue
		}
		for _, metric := range []string{"apgr", "accuracy"} {
			if d, ok := Compare(samples, s, control, metric, o); ok {
				r.Differences = append(r.Differences, d)
			}
		}
	}
}

// bestOf finds the line of the highest APGR among those that are wanted.
func bestOf(results []Result, wanted func(Result) bool) (best Result, found bool) {
	for _, x := range results {
		if x.APGR != nil && x.APGRLo != nil && wanted(x) && (!found || *x.APGR > *best.APGR) {
			best, found = x, true
		}
	}
	return best, found
}

// headline says whether a learnt router beats the controls and, where there is none, whether any control
// beats the random mix.
func headline(r *Report) string {
	learnt, isLearnt := bestOf(r.Routers, func(x Result) bool { return !isControl(x.Name) })
	if isLearnt {
		return learntHeadline(r, learnt)
	}
	best, found := bestOf(r.Routers, func(x Result) bool { return !baselines[x.Name] })
	switch {
	case !found:
		return "There is nothing to measure here: the large model is not surely more accurate than the medium one on these queries."
	case *best.APGRLo > 0.5:
		return fmt.Sprintf("%s beats the random mix: APGR %.3f [%.3f, %.3f].", best.Name, Shown(*best.APGR), Shown(*best.APGRLo), Shown(*best.APGRHi))
	}
	return fmt.Sprintf("No router beats the random mix with certainty: the best, %s, has APGR %.3f [%.3f, %.3f], and 0.5 is inside or above.",
		best.Name, Shown(*best.APGR), Shown(*best.APGRLo), Shown(*best.APGRHi))
}

func learntHeadline(r *Report, learnt Result) string {
	said := fmt.Sprintf("APGR %.3f [%.3f, %.3f]", Shown(*learnt.APGR), Shown(*learnt.APGRLo), Shown(*learnt.APGRHi))
	for _, d := range r.Differences {
		if d.A != learnt.Name || d.Metric != "apgr" {
			continue
		}
		switch {
		case d.Interval == nil:
			return fmt.Sprintf("%s does not surely beat the controls: %s, and too few queries to compare it with %s.", learnt.Name, said, d.B)
		case d.Interval.Lo > 0 && *learnt.APGRLo > 0.5:
			return fmt.Sprintf("%s beats every control: %s, %+.3f [%+.3f, %+.3f] against %s.", learnt.Name, said, Shown(d.Value), Shown(d.Interval.Lo), Shown(d.Interval.Hi), d.B)
		}
		return fmt.Sprintf("%s does NOT beat the controls at equal cost: %s, %+.3f [%+.3f, %+.3f] against %s.", learnt.Name, said, Shown(d.Value), Shown(d.Interval.Lo), Shown(d.Interval.Hi), d.B)
	}
	if *learnt.APGRLo > 0.5 {
		return fmt.Sprintf("%s beats the random mix: %s; no other control was measured.", learnt.Name, said)
	}
	return fmt.Sprintf("%s does NOT beat the random mix: %s; no other control was measured.", learnt.Name, said)
}
