package evaluation

import "fmt"

// Result is one line of the table. A pointer is nil where the number is undefined: CPT where the share
// of the gap is never recovered, ECE for scores that are no probabilities.
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
	// Accuracy, LargeShare, Cost and Arena are at the operating point: as many large calls as there are
	// Complex queries in training, the same for every router, so that accuracies compare at equal calls.
	// Cost and Arena are nil where the models have no price.
	Accuracy   float64  `json:"accuracy"`
	LargeShare float64  `json:"large_share"`
	Cost       *float64 `json:"cost_microusd"`
	Arena      *float64 `json:"arena_score"`
	AUROC      *float64 `json:"auroc"`
	MacroF1    *float64 `json:"macro_f1"`
	ECE        *float64 `json:"ece"`
	LatencyUS  float64  `json:"latency_us_p50"`
	Curve      Curve    `json:"curve,omitempty"`
	Bins       []Bin    `json:"calibration,omitempty"`
}

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
	// Command is what makes the file again.
	Command string `json:"command,omitempty"`
	// CostBasis says where costs come from.
	CostBasis string `json:"cost_basis"`
	// MediumAccuracy and LargeAccuracy are the single models'.
	MediumAccuracy float64  `json:"medium_accuracy"`
	LargeAccuracy  float64  `json:"large_accuracy"`
	Headline       string   `json:"headline"`
	Routers        []Result `json:"routers"`
}

// Options of [Measure].
type Options struct {
	// Draws is the number of bootstrap resamples; Seed seeds them.
	Draws int
	Seed  uint64
	// OperatingShare is the share of large calls of the operating point.
	OperatingShare float64
	// Unpriced leaves out whatever is counted in dollars.
	Unpriced bool
	// RouterCost is what one decision costs, in micro-dollars; it is charged to the router.
	RouterCost float64
}

// operate fills in the numbers of the operating point.
func (r *Result) operate(at Point, o Options) {
	r.Accuracy, r.LargeShare = at.Accuracy, at.LargeShare
	if !o.Unpriced {
		r.Cost, r.Arena = &at.Cost, defined(ArenaScore(at.Accuracy, at.Cost), true)
	}
}

// OperatingShare is the share of Complex samples: the budget of large calls that an oracle would use.
func OperatingShare(train []Sample) float64 {
	n := 0.0
	for _, s := range train {
		if s.Escalate() {
			n++
		}
	}
	return n / float64(len(train))
}

// Measure computes a router's line of the table. lo and hi are the costs of the AIQ's range, which all
// routers share.
func Measure(samples []Sample, scored Scored, o Options, lo, hi float64) Result {
	labels := make([]bool, len(samples))
	for i, s := range samples {
		labels[i] = s.Escalate()
	}
	curve := NewCurve(samples, scored.Ranks, o.RouterCost)
	r := Result{Name: scored.Name, LatencyUS: scored.LatencyUS, Curve: thin(curve)}
	r.APGR = defined(curve.APGR())
	if r.APGR != nil {
		ci := Bootstrap(samples, scored.Ranks, Resamples(len(samples), o.Draws, o.Seed), APGRMetric)
		r.APGRLo, r.APGRHi = &ci.Lo, &ci.Hi
	}
	r.CPT50, r.CPT80 = defined(curve.CPT(0.5)), defined(curve.CPT(0.8))
	r.CostPT50, r.CostPT80 = defined(curve.CostPT(0.5)), defined(curve.CostPT(0.8))
	r.AIQ = defined(AIQ(curve, lo, hi)) // undefined where nothing has a price: the range is empty
	at := curve.At(o.OperatingShare)
	r.operate(at, o)
	r.AUROC = defined(AUROC(labels, scored.Ranks))
	f1 := MacroF1(labels, scored.Ranks, 1-o.OperatingShare)
	r.MacroF1 = &f1
	if scored.Calibrated {
		ece := ECE(labels, scored.Scores)
		r.ECE, r.Bins = &ece, Reliability(labels, scored.Scores, 10)
	}
	return r
}

// Baselines are the lines that need no router: each model alone, and the oracle, which looks at the
// grades and so bounds what any router can do.
func Baselines(samples []Sample, o Options, lo, hi float64) []Result {
	oracle := Scored{Name: "oracle", Ranks: make([]float64, len(samples))}
	for i, s := range samples {
		oracle.Ranks[i] = s.Large - s.Medium
	}
	o.RouterCost = 0
	best := Measure(samples, oracle, o, lo, hi)
	curve := NewCurve(samples, oracle.Ranks, 0)
	single := func(name string, p Point) Result {
		r := Result{Name: name, AIQ: defined(AIQ(Curve{p}, lo, hi)), Curve: Curve{p}}
		r.operate(p, o)
		return r
	}
	ends := Curve{curve[0], curve[len(curve)-1]}
	hull := Result{Name: "hull-of-models", AIQ: defined(AIQ(ends, lo, hi)), Curve: Hull(ends)}
	mix := ends.At(o.OperatingShare)
	if !o.Unpriced {
		mix.Accuracy = HullAt(hull.Curve, mix.Cost)
	}
	hull.operate(mix, o)
	return []Result{single("always-medium", ends[0]), single("always-large", ends[1]), hull, best}
}

// Headline says in one sentence whether anything learnt beats the random mix.
func Headline(results []Result) string {
	var best *Result
	for i := range results {
		r := &results[i]
		if r.APGRLo == nil || r.Name == "oracle" || r.Name == "random" {
			continue
		}
		if best == nil || *r.APGR > *best.APGR {
			best = r
		}
	}
	switch {
	case best == nil:
		return "The two models are equally accurate here: there is no gap for a router to recover."
	case *best.APGRLo > 0.5:
		return fmt.Sprintf("%s beats the random mix: APGR %.3f [%.3f, %.3f].", best.Name, *best.APGR, *best.APGRLo, *best.APGRHi)
	}
	return fmt.Sprintf("No router beats the random mix with certainty: the best, %s, has APGR %.3f [%.3f, %.3f], and 0.5 is inside or above.",
		best.Name, *best.APGR, *best.APGRLo, *best.APGRHi)
}

func defined(v float64, ok bool) *float64 {
	if !ok {
		return nil
	}
	return &v
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
