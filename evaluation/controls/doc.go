// Package controls holds the simple routers that every learnt router is measured against, and that the
// gate may promote if they win: a constant, the query's length, hashed n-gram logistic regression,
// nearest neighbours and k-means over text features.
//
// Training samples and texts enter, scores leave. Every router is deterministic for its seed and safe
// for concurrent Score calls after Fit.
package controls

import "sluice/evaluation"

// All returns a fresh instance of each control, in the order of the tables.
func All(seed uint64) []evaluation.Router {
	return []evaluation.Router{
		&Random{}, &Length{}, &KMeans{Seed: seed}, &KNN{}, &Logistic{Seed: seed},
	}
}
