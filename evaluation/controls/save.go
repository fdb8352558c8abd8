package controls

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"sluice/evaluation"
)

// saved is a fitted control at rest. Vectors over n-grams are sparse: Grams are the indices that have a
// frequency, IDF theirs, and Weights (of logistic) theirs.
type saved struct {
	Name    string    `json:"name"`
	Grams   []uint32  `json:"grams"`
	IDF     []float32 `json:"idf"`
	Weights []float32 `json:"weights,omitempty"`
	Bias    float64   `json:"bias,omitempty"`

	Neighbours int       `json:"neighbours,omitempty"`
	Share      float64   `json:"share,omitempty"`
	Escalate   []bool    `json:"escalate,omitempty"`
	Postings   []posting `json:"postings,omitempty"`

	Seed    uint64               `json:"seed,omitempty"`
	Centres [][projected]float32 `json:"centres,omitempty"`
	Shares  []float64            `json:"shares,omitempty"`
}

// posting lists the training rows that hold an n-gram.
type posting struct {
	Gram    uint32    `json:"gram"`
	Rows    []uint32  `json:"rows"`
	Weights []float32 `json:"weights"`
}

// Save writes a fitted control, logistic, knn or kmeans, as JSON. It holds hashed n-grams of the training texts
// and no text.
func Save(w io.Writer, r evaluation.Router) error {
	s := saved{Name: r.Name()}
	var vec *vectorizer
	switch c := r.(type) {
	case *Logistic:
		vec, s.Bias = c.vec, c.bias
	case *KNN:
		vec, s.Neighbours, s.Share, s.Escalate = c.vec, c.neighbours, c.share, c.escalate
		for _, gram := range slices.Sorted(maps.Keys(c.postings)) {
			p := posting{Gram: gram}
			for _, f := range c.postings[gram] {
				p.Rows, p.Weights = append(p.Rows, f.index), append(p.Weights, f.weight)
			}
			s.Postings = append(s.Postings, p)
		}
	case *KMeans:
		vec, s.Seed, s.Centres, s.Shares = c.vec, c.Seed, c.centres, c.share
	default:
		return fmt.Errorf("save control: %s can't be saved", r.Name())
	}
	if vec == nil {
		return fmt.Errorf("save control: %s was never fitted", r.Name())
	}
	for i, idf := range vec.idf {
		if idf == 0 {
			continue
		}
		s.Grams, s.IDF = append(s.Grams, uint32(i)), append(s.IDF, idf)
		if l, ok := r.(*Logistic); ok {
			s.Weights = append(s.Weights, l.weights[i])
		}
	}
	if err := json.NewEncoder(w).Encode(s); err != nil {
		return fmt.Errorf("save control: %w", err)
	}
	return nil
}

// Load reads what [Save] wrote: a control that scores as the saved one did.
func Load(r io.Reader) (evaluation.Router, error) {
	var s saved
	if err := json.NewDecoder(r).Decode(&s); err != nil {
		return nil, fmt.Errorf("load control: %w", err)
	}
	if err := s.validate(); err != nil {
		return nil, fmt.Errorf("load control %s: %w", s.Name, err)
	}
	vec := &vectorizer{chars: s.Name == "logistic", idf: s.dense(s.IDF)}
	switch s.Name {
	case "logistic":
		return &Logistic{vec: vec, weights: s.dense(s.Weights), bias: s.Bias}, nil
	case "knn":
		k := &KNN{neighbours: s.Neighbours, vec: vec, share: s.Share, escalate: s.Escalate, postings: map[uint32][]feature{}}
		for _, p := range s.Postings {
			for i, row := range p.Rows {
				k.postings[p.Gram] = append(k.postings[p.Gram], feature{row, p.Weights[i]})
			}
		}
		return k, nil
	}
	return &KMeans{Seed: s.Seed, vec: vec, centres: s.Centres, share: s.Shares}, nil
}

func (s saved) dense(values []float32) []float32 {
	out := make([]float32, 1<<hashBits)
	for i, g := range s.Grams {
		out[g] = values[i]
	}
	return out
}

// validate refuses what would score nonsense or panic.
func (s saved) validate() error {
	if len(s.Grams) != len(s.IDF) || s.Name == "logistic" && len(s.Grams) != len(s.Weights) {
		return errors.New("n-grams and their numbers are not of one length")
	}
	for _, g := range s.Grams {
		if g >= 1<<hashBits {
			return fmt.Errorf("n-gram %d is outside the hashed space", g)
		}
	}
	switch s.Name {
	case "logistic":
	case "knn":
		return s.validatePostings()
	case "kmeans":
		if len(s.Centres) == 0 || len(s.Centres) != len(s.Shares) {
			return fmt.Errorf("%d centres with %d shares", len(s.Centres), len(s.Shares))
		}
	default:
		return errors.New("no such control")
	}
	return nil
}

func (s saved) validatePostings() error {
	if s.Neighbours <= 0 || len(s.Escalate) == 0 {
		return fmt.Errorf("%d neighbours of %d rows", s.Neighbours, len(s.Escalate))
	}
	for _, p := range s.Postings {
		if len(p.Rows) != len(p.Weights) {
			return fmt.Errorf("n-gram %d has %d rows and %d weights", p.Gram, len(p.Rows), len(p.Weights))
		}
		for _, row := range p.Rows {
			if int(row) >= len(s.Escalate) {
				return fmt.Errorf("n-gram %d names row %d of %d", p.Gram, row, len(s.Escalate))
			}
		}
	}
	return nil
}
