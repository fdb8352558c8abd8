package evaluation

import "math"

// Metric computes one number of weighted, scored samples; ok is false where it is undefined there.
type Metric func(w *Weighted) (value float64, ok bool)

// The metrics of a report, by the key that they have there.
var metrics = []struct {
	key    string
	metric Metric
	priced bool // counted in dollars
	higher bool // higher is better
}{
	{"apgr", apgrMetric, false, true},
	{"cpt50", func(w *Weighted) (float64, bool) { return w.Curve().CPT(0.5) }, false, false},
	{"cpt80", func(w *Weighted) (float64, bool) { return w.Curve().CPT(0.8) }, false, false},
	{"cost_pt50", func(w *Weighted) (float64, bool) { return w.Curve().CostPT(0.5) }, true, false},
	{"cost_pt80", func(w *Weighted) (float64, bool) { return w.Curve().CostPT(0.8) }, true, false},
	{"aiq", aiqMetric, true, true},
	{"accuracy", func(w *Weighted) (float64, bool) { return w.operating().Accuracy, true }, false, true},
	{"cost_microusd", func(w *Weighted) (float64, bool) { return w.operating().Cost, true }, true, false},
	{"arena_score", arenaMetric, true, true},
	{"auroc", aurocMetric, false, true},
	{"macro_f1", macroF1Metric, false, true},
	{"ece", eceMetric, false, false},
}

// MetricNamed finds a metric by its key in reports: "apgr", "aiq", "accuracy", ...
func MetricNamed(key string) (Metric, bool) {
	for _, m := range metrics {
		if m.key == key {
			return m.metric, true
		}
	}
	return nil, false
}

// MetricNames lists the keys of all metrics.
func MetricNames() []string {
	names := make([]string, len(metrics))
	for i, m := range metrics {
		names[i] = m.key
	}
	return names
}

// GateMetrics lists the keys of those by which a gate may judge: higher is better.
func GateMetrics() []string {
	var names []string
	for _, m := range metrics {
		if m.higher {
			names = append(names, m.key)
		}
	}
	return names
}

func (w *Weighted) operating() Point { return w.Curve().At(w.share) }

// apgrMetric is [Curve.APGR].
func apgrMetric(w *Weighted) (float64, bool) { return w.Curve().APGR() }

// aiqMetric is [AIQ] between the costs of the two models alone.
func aiqMetric(w *Weighted) (float64, bool) {
	c := w.Curve()
	return AIQ(c, c[0].Cost-w.routerCost, c[len(c)-1].Cost-w.routerCost)
}

func arenaMetric(w *Weighted) (float64, bool) {
	at := w.operating()
	return ArenaScore(at.Accuracy, at.Cost), true
}

// aurocMetric is the probability that a random escalating sample ranks above a random other one, ties
// counting half: the statistic of Mann and Whitney (1947). It is undefined where one of the two kinds is missing.
func aurocMetric(w *Weighted) (float64, bool) {
	var above, yes, no float64 // escalating samples ranked higher so far, and of each kind so far
	w.blocks(func(y, n float64) {
		above += n * (yes + y/2)
		yes, no = yes+y, no+n
	})
	if yes == 0 || no == 0 {
		return 0, false
	}
	return above / (yes * no), true
}

// macroF1Metric is the mean of the F1 scores of "escalate" and "stay" when the operating point's share of
// samples, the highest ranked, escalates. Of samples that tie at the edge, the part that is needed
// escalates, whichever they are: their mean over all choices.
func macroF1Metric(w *Weighted) (float64, bool) {
	var tp, fp, fn, tn float64
	left := w.share * w.total
	w.blocks(func(y, n float64) {
		part := 0.0
		if y+n > 0 {
			part = min(1, max(0, left/(y+n)))
		}
		left -= y + n
		tp, fn = tp+part*y, fn+(1-part)*y
		fp, tn = fp+part*n, tn+(1-part)*n
	})
	f1 := func(hit, wrong, missed float64) float64 {
		if hit == 0 {
			return 0
		}
		return 2 * hit / (2*hit + wrong + missed)
	}
	return (f1(tp, fp, fn) + f1(tn, fn, fp)) / 2, true
}

// Bin is one bin of a reliability diagram; Count is 0 in an empty one.
type Bin struct {
	Count     float64 `json:"count"`
	Predicted float64 `json:"predicted"`
	Observed  float64 `json:"observed"`
}

// reliabilityBins is the number of equal-width bins.
const reliabilityBins = 10

// Reliability sorts probabilities into equal-width bins.
func (w *Weighted) Reliability() [reliabilityBins]Bin {
	var out [reliabilityBins]Bin
	for i, p := range w.scored.Scores {
		b := &out[min(reliabilityBins-1, max(0, int(p*reliabilityBins)))]
		k := w.weight(i)
		b.Count += k
		b.Predicted += k * p
		if w.samples[i].Escalate() {
			b.Observed += k
		}
	}
	for i := range out {
		if n := out[i].Count; n > 0 {
			out[i].Predicted /= n
			out[i].Observed /= n
		}
	}
	return out
}

// eceMetric is the expected calibration error over ten equal-width bins (Guo et al., arXiv:1706.04599).
// It is undefined for scores that are no probabilities.
func eceMetric(w *Weighted) (float64, bool) {
	if !w.scored.Calibrated {
		return 0, false
	}
	ece := 0.0
	for _, b := range w.Reliability() {
		ece += b.Count / w.total * math.Abs(b.Predicted-b.Observed)
	}
	return ece, true
}

// AUROC is the area under the ROC curve of scores of plain labels; see the metric of that name.
func AUROC(labels []bool, scores []float64) (auroc float64, ok bool) {
	samples := make([]Sample, len(labels))
	for i, escalate := range labels {
		if escalate {
			samples[i].Large = 1
		}
	}
	return aurocMetric(Weigh(samples, Scored{Ranks: scores}, 0, 0))
}
