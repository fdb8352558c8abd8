package gemma

import (
	"context"
	"fmt"
)

// LogProb is the log-probability of a completion of tokens, over the whole vocabulary: the sum that training
// raises.
func (s *Scorer) LogProb(ctx context.Context, tokens, completion []int) (float64, error) {
	r, err := s.start(ctx, tokens, len(completion))
	if err != nil {
		return 0, fmt.Errorf("log-probability: %w", err)
	}
	defer s.finish(r)
	sum := 0.0
	logits := make([]float64, s.config.VocabSize)
	for i, id := range completion {
		if id < 0 || id >= s.config.VocabSize {
			return 0, fmt.Errorf("log-probability: token %d is outside the vocabulary of %d", id, s.config.VocabSize)
		}
		r.allLogits(logits)
		sum += logits[id] - logSumExp(logits)
		if i+1 < len(completion) {
			if err := r.advance(ctx, []int{id}); err != nil {
				return 0, fmt.Errorf("log-probability: %w", err)
			}
		}
	}
	return sum, nil
}
