package online

import "math"

// Growth is the ratio of a bucket's upper to its lower edge. A percentile is the geometric middle of its bucket,
// and so at most [MaxError] away from the true one.
const Growth = 1.1

// MaxError is the greatest relative error of a percentile from a [Histogram]: 4.9%.
var MaxError = math.Sqrt(Growth) - 1

// BucketOf is the bucket of a value: b holds [Growth^b, Growth^(b+1)). Values below 1 count as 1. The tables
// compute the same in SQL.
func BucketOf(value float64) int { return int(math.Floor(math.Log(max(value, 1)) / math.Log(Growth))) }

// Histogram counts values in buckets that grow by [Growth]. Histograms of the parts add up to that of the whole.
// The zero value is empty and ready.
type Histogram struct {
	counts map[int]int64
	n      int64
}

// Add counts n values of a bucket.
func (h *Histogram) Add(bucket int, n int64) {
	if h.counts == nil {
		h.counts = map[int]int64{}
	}
	h.counts[bucket] += n
	h.n += n
}

// Count is how many values there are.
func (h *Histogram) Count() int64 { return h.n }

// Quantile is the value that a share q (0 to 1) of all values does not exceed, within [MaxError]; 0 where there
// are none.
func (h *Histogram) Quantile(q float64) float64 {
	if h.n == 0 {
		return 0
	}
	lowest, highest := math.MaxInt, math.MinInt
	for b := range h.counts {
		lowest, highest = min(lowest, b), max(highest, b)
	}
	rank := max(1, int64(math.Ceil(q*float64(h.n))))
	var seen int64
	for b := lowest; b <= highest; b++ {
		if seen += h.counts[b]; seen >= rank {
			return math.Pow(Growth, float64(b)+0.5)
		}
	}
	return math.Pow(Growth, float64(highest)+0.5)
}
