package evaluation

import (
	"slices"

	"sluice"
)

// Result is one line of the table. A pointer is nil where the number is undefined: CPT where the share
// of the gap is never recovered, ECE for scores that are no probabilities, dollars where the models have
// no price.
type Result struct {
	Name   string   `json:"name"`
	APGR   *float64 `json:"apgr"`
	APGRLo *float64 `json:"apgr_lo"`
	APGRHi *float64 `json:"apgr_hi"`
	// CPT50 and CPT80 are shares of large calls, CostPT50 and CostPT80 shares of the way from the
	// medium model's bill to the large one's.
	CPT50    *float64 `json:"cpt50"`
	CPT80    *float64 `json:"cpt80"`
	CostPT50 *float64 `json:"cost_pt50"`
	CostPT80 *float64 `json:"cost_pt80"`
	AIQ      *float64 `json:"aiq"`
	// What follows is at the operating point, the same for every router, so that accuracies compare at equal
	// calls: see [OperatingShare].
	Accuracy   float64 `json:"accuracy"`
	LargeShare float64 `json:"large_share"`
	// OfLarge is Accuracy as a share of the large model's alone (the target is 0.95); Saving is the share
	// of the large model's bill that is saved.
	OfLarge *float64 `json:"accuracy_of_large"`
	Cost    *float64 `json:"cost_microusd"`
	Saving  *float64 `json:"cost_saving"`
	Arena   *float64 `json:"arena_score"`
	MacroF1 *float64 `json:"macro_f1"`
	// Policies says how queries of each kind fared.
	Policies []PolicyResult `json:"policies,omitempty"`

	AUROC     *float64 `json:"auroc"`
	ECE       *float64 `json:"ece"`
	LatencyUS float64  `json:"latency_us_p50"`
	// RouterCost is what one decision costs, micro-dollars; it is part of every cost above.
	RouterCost float64 `json:"router_cost_microusd"`
	FitSeconds float64 `json:"fit_seconds,omitempty"`
	// Intervals are 95% bootstrap intervals by the key of the number that they belong to.
	Intervals map[string]Interval `json:"intervals,omitempty"`
	Curve     Curve               `json:"curve,omitempty"`
	Bins      []Bin               `json:"calibration,omitempty"`
}

// PolicyResult is how the queries of one kind fared at the operating point.
type PolicyResult struct {
	// Policy is what the grades make of the queries; Queries counts them.
	Policy  sluice.Policy `json:"policy"`
	Queries int           `json:"queries"`
	// LargeShare is the share of them that went to the large model, Accuracy the share answered rightly.
	LargeShare float64 `json:"large_share"`
	Accuracy   float64 `json:"accuracy"`
}

// Options of a measurement.
type Options struct {
	// Draws is the number of bootstrap resamples; Seed seeds them.
	Draws int
	Seed  uint64
	// OperatingShare is the share of large calls of the operating point.
	OperatingShare float64
	// Unpriced leaves out whatever is counted in dollars.
	Unpriced bool
	// SecondCost is what a second of the router's time costs, in micro-dollars: its median latency is
	// charged to every query at this price.
	SecondCost float64

	draws Draws // made once for all routers
}

// Resampled is o with its resamples drawn, if they are not yet, so that the lines of a table share them.
func (o Options) Resampled(samples []Sample) Options {
	if o.draws == nil {
		o.draws = Resamples(len(samples), o.Draws, o.Seed)
	}
	return o
}

// OperatingShare is the share of Complex samples: the budget of large calls that an oracle would use. Of training
// rows alone, it knows nothing of those that are scored.
func OperatingShare(samples []Sample) float64 {
	n := 0.0
	for _, s := range samples {
		if s.Escalate() {
			n++
		}
	}
	return n / max(1, float64(len(samples)))
}

// measure computes a router's line of the table.
func measure(samples []Sample, scored Scored, o Options) Result {
	routerCost := scored.LatencyUS / 1e6 * o.SecondCost
	w := Weigh(samples, scored, o.OperatingShare, routerCost)
	r := Result{Name: scored.Name, LatencyUS: scored.LatencyUS, FitSeconds: scored.FitSeconds, RouterCost: routerCost}
	r.Curve, r.Policies = thin(slices.Clone(w.Curve())), policyResults(w)
	if scored.Calibrated {
		bins := w.Reliability()
		r.Bins = bins[:]
	}
	r.numbers(w, o.Resampled(samples))
	return r
}

// numbers fills in the metrics, and the interval of each that has one.
func (r *Result) numbers(w *Weighted, o Options) {
	values := map[string]*float64{}
	var keys []string
	var wanted []Metric
	for _, m := range metrics {
		if v, ok := m.metric(w); ok && (!m.priced || !o.Unpriced) {
			values[m.key], keys, wanted = &v, append(keys, m.key), append(wanted, m.metric)
		}
	}
	r.APGR, r.CPT50, r.CPT80, r.CostPT50, r.CostPT80 = values["apgr"], values["cpt50"], values["cpt80"], values["cost_pt50"], values["cost_pt80"]
	r.AIQ, r.AUROC, r.ECE, r.MacroF1 = values["aiq"], values["auroc"], values["ece"], values["macro_f1"]
	r.operate(w.Curve(), w.operating(), o)
	r.Intervals = map[string]Interval{}
	for i, ci := range Bootstrap(w, o.draws, wanted...) {
		if ci != nil {
			r.Intervals[keys[i]] = *ci
		}
	}
	if ci, ok := r.Intervals["apgr"]; ok {
		r.APGRLo, r.APGRHi = &ci.Lo, &ci.Hi
	}
}

// operate fills in what belongs to the operating point of a curve.
func (r *Result) operate(c Curve, at Point, o Options) {
	r.Accuracy, r.LargeShare = at.Accuracy, at.LargeShare
	if strong := c.strong(); strong > 0 {
		of := at.Accuracy / strong
		r.OfLarge = &of
	}
	if o.Unpriced {
		return
	}
	arena := ArenaScore(at.Accuracy, at.Cost)
	r.Cost, r.Arena = &at.Cost, &arena
	if dear := c[len(c)-1].Cost - r.RouterCost; dear > 0 {
		saving := 1 - at.Cost/dear
		r.Saving = &saving
	}
}

// policyResults says how each kind of query fares when the operating point's share, the highest ranked,
// goes to the large model; ties at the edge go in part.
func policyResults(w *Weighted) []PolicyResult {
	kinds := []sluice.Policy{sluice.Standard, sluice.Complex, sluice.Ambiguous}
	out := make([]PolicyResult, len(kinds))
	left := w.share * w.total
	for _, tie := range w.ties {
		part := min(1, max(0, left/float64(len(tie))))
		left -= float64(len(tie))
		for _, at := range tie {
			s := w.samples[at]
			kind := &out[slices.Index(kinds, s.Policy())]
			kind.Queries++
			kind.LargeShare += part
			kind.Accuracy += s.Medium + part*(s.Large-s.Medium)
		}
	}
	for k := range out {
		out[k].Policy = kinds[k]
		if n := float64(out[k].Queries); n > 0 {
			out[k].LargeShare /= n
			out[k].Accuracy /= n
		}
	}
	return out
}

// thin keeps about a hundred points of a curve, both ends among them: enough to draw it.
func thin(c Curve) Curve {
	const points = 100
	if len(c) <= points {
		return c
	}
	out := Curve{c[0]}
	for i := 1; i < points; i++ {
		out = append(out, c.At(float64(i)/points))
	}
	return append(out, c[len(c)-1])
}

// MediumShare is the share of the queries that went to the medium model, for the page's template.
func (p PolicyResult) MediumShare() float64 { return 1 - p.LargeShare }
