package online

import "math"

// CalibrationBin is the judged decisions whose P(Complex) fell into one of ten equal bins.
type CalibrationBin struct {
	N int64
	// MeanP is the mean of what the router said, Share the share that was labelled Complex.
	MeanP, Share float64
}

// ECE is the expected calibration error: the mean distance between what the router said and what was so, over
// bins, weighted by their size. NaN where nothing was judged.
func ECE(bins []CalibrationBin) float64 {
	var n int64
	total := 0.0
	for _, b := range bins {
		n += b.N
		total += float64(b.N) * math.Abs(b.MeanP-b.Share)
	}
	if n == 0 {
		return math.NaN()
	}
	return total / float64(n)
}

// Accuracy is how good the answers under one policy were, as one source says.
type Accuracy struct {
	// Source is "client" or "judge"; Policy is "all" for every policy together.
	Source, Policy string
	N              int64
	// Mean is from 0 to 1.
	Mean float64
}
