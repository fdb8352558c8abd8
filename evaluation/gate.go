package evaluation

import "fmt"

// Gate decides whether a candidate replaces an incumbent.
type Gate struct {
	// Metric is APGR unless set.
	Metric Metric
	// Draws is the number of paired bootstrap resamples, 1,000 if zero; Seed seeds them.
	Draws int
	Seed  uint64
}

// Ruling is the gate's finding.
type Ruling struct {
	Promote    bool     `json:"promote"`
	Difference Interval `json:"difference"`
	Reason     string   `json:"reason"`
}

// Judge promotes the candidate only if the lower 95% bound of the paired bootstrap difference of the
// metric is above zero. Both were scored on the same held-out samples.
func (g Gate) Judge(samples []Sample, candidate, incumbent Scored) Ruling {
	metric, draws := g.Metric, g.Draws
	if metric == nil {
		metric = APGRMetric
	}
	if draws == 0 {
		draws = 1000
	}
	d := PairedDifference(samples, candidate.Ranks, incumbent.Ranks, Resamples(len(samples), draws, g.Seed), metric)
	r := Ruling{Promote: d.Lo > 0, Difference: d}
	if r.Promote {
		r.Reason = fmt.Sprintf("%s is better than %s: the difference is in [%.4f, %.4f], above zero", candidate.Name, incumbent.Name, d.Lo, d.Hi)
	} else {
		r.Reason = fmt.Sprintf("%s is not surely better than %s: the difference is in [%.4f, %.4f], and its lower bound is not above zero",
			candidate.Name, incumbent.Name, d.Lo, d.Hi)
	}
	return r
}
