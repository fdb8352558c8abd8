package snapshot

import (
	"sluice"
	"sluice/evaluation"
)

// TrainSamples are the train rows as the simple routers learn from them.
func (s *Snapshot) TrainSamples() []evaluation.Sample {
	samples := make([]evaluation.Sample, len(s.Train))
	for i, r := range s.Train {
		samples[i] = evaluation.OfPolicy(r.Key, r.Text, r.Policy)
	}
	return samples
}

// TestSamples are the test rows that both models' answers were graded of.
func (s *Snapshot) TestSamples() []evaluation.Sample {
	var samples []evaluation.Sample
	for _, r := range s.Test {
		g := r.Graded
		if g == nil {
			continue
		}
		right := func(grade sluice.Grade) float64 {
			if grade == sluice.Correct {
				return 1
			}
			return 0
		}
		samples = append(samples, evaluation.Sample{
			ID: r.Key, Text: r.Text, Medium: right(g.Medium), Large: right(g.Large),
			MediumCost: g.MediumCost, LargeCost: g.LargeCost,
		})
	}
	return samples
}
