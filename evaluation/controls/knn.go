package controls

import (
	"cmp"
	"fmt"
	"slices"

	"sluice/evaluation"
)

// KNN scores a query by its nearest training queries: cosine similarity over words and pairs of words.
type KNN struct {
	neighbours int // that are asked
	vec        *vectorizer
	share      float64
	escalate   []bool
	postings   map[uint32][]feature // index is the training row
}

// Name is "knn".
func (*KNN) Name() string { return "knn" }

// Calibrated is true: the score is a smoothed share of neighbours.
func (*KNN) Calibrated() bool { return true }

// Fit indexes the training samples. Words that more than a fifth of them share are left out of the
// index: they say little and cost most.
func (k *KNN) Fit(train []evaluation.Sample) error {
	if len(train) == 0 {
		return fmt.Errorf("knn: no training samples")
	}
	k.neighbours, k.vec, k.share = 64, fitVectorizer(train, false), prior(train)
	k.escalate, k.postings = make([]bool, len(train)), map[uint32][]feature{}
	for i, s := range train {
		k.escalate[i] = s.Escalate()
		for _, f := range k.vec.vector(s.Text) {
			k.postings[f.index] = append(k.postings[f.index], feature{uint32(i), f.weight})
		}
	}
	for index, list := range k.postings {
		if len(list) > 50 && len(list) > len(train)/5 {
			delete(k.postings, index)
		}
	}
	return nil
}

// Score is the similarity-weighted share of escalating neighbours, drawn towards the overall share
// where they are few or far.
func (k *KNN) Score(text string) float64 {
	similarity := map[uint32]float32{}
	for _, f := range k.vec.vector(text) {
		for _, p := range k.postings[f.index] {
			similarity[p.index] += f.weight * p.weight
		}
	}
	near := make([]feature, 0, len(similarity))
	for row, s := range similarity {
		near = append(near, feature{row, s})
	}
	slices.SortFunc(near, func(a, b feature) int {
		return cmp.Or(cmp.Compare(b.weight, a.weight), cmp.Compare(a.index, b.index))
	})
	const priorWeight = 2.0
	hits, total := priorWeight*k.share, priorWeight
	for _, n := range near[:min(k.neighbours, len(near))] {
		total += float64(n.weight)
		if k.escalate[n.index] {
			hits += float64(n.weight)
		}
	}
	return hits / total
}
