package evaluation

import (
	"fmt"
	"slices"
	"strings"
)

// Gate decides whether a candidate replaces an incumbent.
type Gate struct {
	// Metric is one of [GateMetrics]; "apgr" if empty.
	Metric string
	// Draws is the number of paired bootstrap resamples, 1,000 if zero; Seed seeds them.
	Draws int
	Seed  uint64
	// Share is the operating point's share of large calls, for metrics that are taken there.
	Share float64
}

// Ruling is the gate's finding.
type Ruling struct {
	Promote bool   `json:"promote"`
	Metric  string `json:"metric"`
	// Difference is the paired bootstrap interval of candidate minus incumbent; both ends are 0 where it has
	// none.
	Difference Interval `json:"difference"`
	Reason     string   `json:"reason"`
}

// Judge promotes the candidate only if the lower 95% bound of the paired bootstrap difference of the
// metric is above zero. Both were scored on the same held-out samples.
func (g Gate) Judge(samples []Sample, candidate, incumbent Scored) Ruling {
	if g.Metric == "" {
		g.Metric = "apgr"
	}
	if g.Draws == 0 {
		g.Draws = 1000
	}
	r := Ruling{Metric: g.Metric}
	metric, _ := MetricNamed(g.Metric)
	if !slices.Contains(GateMetrics(), g.Metric) {
		r.Reason = fmt.Sprintf("no gate judges by %q; it may by %s", g.Metric, strings.Join(GateMetrics(), ", "))
		return r
	}
	draws := Resamples(len(samples), g.Draws, g.Seed)
	d, ok := pairedDifference(Weigh(samples, candidate, g.Share, 0), Weigh(samples, incumbent, g.Share, 0), draws, metric)
	r.Difference, r.Promote = d, ok && d.Lo > 0
	_, gap := Weigh(samples, incumbent, g.Share, 0).Curve().gap()
	switch {
	case !ok && !gap && g.Metric == "apgr":
		r.Reason = fmt.Sprintf("%s can't be compared with %s by apgr: on %d held-out queries the large model is not better than the medium one, so that there is no gap to recover; label more queries, or judge by another metric (training.gate)",
			candidate.Name, incumbent.Name, len(samples))
	case !ok:
		r.Reason = fmt.Sprintf("%s can't be compared with %s: on %d held-out queries the difference of %s has no interval, since the metric is undefined in too many resamples; label more queries",
			candidate.Name, incumbent.Name, len(samples), g.Metric)
	case r.Promote:
		r.Reason = fmt.Sprintf("%s is better than %s: the difference of %s is in [%.4f, %.4f], above zero", candidate.Name, incumbent.Name, g.Metric, Shown(d.Lo), Shown(d.Hi))
	default:
		r.Reason = fmt.Sprintf("%s is not surely better than %s: the difference of %s is in [%.4f, %.4f], and its lower bound is not above zero",
			candidate.Name, incumbent.Name, g.Metric, Shown(d.Lo), Shown(d.Hi))
	}
	return r
}
