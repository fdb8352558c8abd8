package evaluation

import (
	"math"
	"sort"
)

// AUROC is the probability that a random escalating sample scores above a random other one, ties
// counting half. ok is false where one of the two kinds is missing.
func AUROC(labels []bool, scores []float64) (auroc float64, ok bool) {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	sort.Slice(order, func(a, b int) bool { return scores[order[a]] < scores[order[b]] })
	positives, rankSum := 0.0, 0.0
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && scores[order[j]] == scores[order[i]] {
			j++
		}
		rank := float64(i+j+1) / 2 // mean of the 1-based ranks i+1..j
		for ; i < j; i++ {
			if labels[order[i]] {
				positives++
				rankSum += rank
			}
		}
	}
	negatives := float64(len(labels)) - positives
	if positives == 0 || negatives == 0 {
		return 0, false
	}
	return (rankSum - positives*(positives+1)/2) / (positives * negatives), true
}

// Bin is one bin of a reliability diagram.
type Bin struct {
	Count     int     `json:"count"`
	Predicted float64 `json:"predicted"`
	Observed  float64 `json:"observed"`
}

// Reliability sorts probabilities into equal-width bins.
func Reliability(labels []bool, probabilities []float64, bins int) []Bin {
	out := make([]Bin, bins)
	for i, p := range probabilities {
		b := min(bins-1, max(0, int(p*float64(bins))))
		out[b].Count++
		out[b].Predicted += p
		if labels[i] {
			out[b].Observed++
		}
	}
	for i := range out {
		if n := float64(out[i].Count); n > 0 {
			out[i].Predicted /= n
			out[i].Observed /= n
		}
	}
	return out
}

// ECE is the expected calibration error over ten equal-width bins (Guo et al., arXiv:1706.04599).
func ECE(labels []bool, probabilities []float64) float64 {
	ece := 0.0
	for _, b := range Reliability(labels, probabilities, 10) {
		ece += float64(b.Count) / float64(len(labels)) * math.Abs(b.Predicted-b.Observed)
	}
	return ece
}

// MacroF1 is the mean of the F1 scores of "escalate" and "stay" when scores above the threshold
// escalate.
func MacroF1(labels []bool, scores []float64, threshold float64) float64 {
	var tp, fp, fn, tn float64
	for i, s := range scores {
		switch {
		case s > threshold && labels[i]:
			tp++
		case s > threshold:
			fp++
		case labels[i]:
			fn++
		default:
			tn++
		}
	}
	f1 := func(hit, wrong, missed float64) float64 {
		if hit == 0 {
			return 0
		}
		return 2 * hit / (2*hit + wrong + missed)
	}
	return (f1(tp, fp, fn) + f1(tn, fn, fp)) / 2
}
