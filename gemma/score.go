package gemma

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"

	"sluice/gemma/internal/kernel"
)

// Score is the log-probability of each candidate continuation of tokens when the model may say nothing but a
// candidate: at every token where candidates part, a softmax over the tokens that lead on to one. The
// probabilities of all candidates sum to one. Only those rows of the head are computed, and where all candidates
// agree nothing is. A candidate that is empty, double or the beginning of another is an error.
func (s *Scorer) Score(ctx context.Context, tokens []int, candidates [][]int) ([]float64, error) {
	deepest := 0
	for i, c := range candidates {
		if len(c) == 0 {
			return nil, fmt.Errorf("score: candidate %d is empty", i)
		}
		for j, other := range candidates {
			if i != j && len(c) <= len(other) && slices.Equal(c, other[:len(c)]) {
				return nil, fmt.Errorf("score: candidate %d is the beginning of candidate %d", i, j)
			}
		}
		deepest = max(deepest, len(c))
	}
	if len(candidates) == 0 {
		return nil, errors.New("score: no candidates")
	}
	r, err := s.start(ctx, tokens, deepest-1)
	if err != nil {
		return nil, fmt.Errorf("score: %w", err)
	}
	defer s.finish(r)
	out, all := make([]float64, len(candidates)), make([]int, len(candidates))
	for i := range all {
		all[i] = i
	}
	if err := r.branch(ctx, candidates, all, 0, out); err != nil {
		return nil, fmt.Errorf("score: %w", err)
	}
	return out, nil
}

// branch adds to out the log-probabilities of the candidates in group, which agree on their first depth tokens
// and whose state is the run's last.
func (r *run) branch(ctx context.Context, candidates [][]int, group []int, depth int, out []float64) error {
	if len(group) == 1 {
		return nil
	}
	var next []int // the tokens that they go on with, in order of appearance
	byToken := map[int][]int{}
	for _, i := range group {
		id := candidates[i][depth]
		if id < 0 || id >= r.s.config.VocabSize {
			return fmt.Errorf("candidate token %d is outside the vocabulary of %d", id, r.s.config.VocabSize)
		}
		if byToken[id] == nil {
			next = append(next, id)
		}
		byToken[id] = append(byToken[id], i)
	}
	logits := make([]float64, len(next))
	for j, id := range next {
		logits[j] = r.logit(id)
	}
	total := logSumExp(logits)
	done, last := r.done, slices.Clone(r.last)
	for j, id := range next {
		for _, i := range byToken[id] {
			out[i] += logits[j] - total
		}
		if len(byToken[id]) > 1 {
			if err := r.advance(ctx, []int{id}); err != nil {
				return err
			}
			if err := r.branch(ctx, candidates, byToken[id], depth+1, out); err != nil {
				return err
			}
			r.done = done // the next branch writes over this one
			copy(r.last, last)
		}
	}
	return nil
}

// logit of one token after the run's last position.
func (r *run) logit(id int) float64 {
	d := r.s.config.HiddenSize
	return float64(softCap(kernel.Dot(r.s.embed.Data[id*d:(id+1)*d], r.last), r.s.config.FinalSoftCap))
}

// Generate continues tokens greedily, with at most limit tokens, and stops before an end-of-sequence token, or one of
// stops: a chat's turn ends with a token that the configuration of base weights does not name. Ties go to the lower id,
// so the same tokens always give the same text.
func (s *Scorer) Generate(ctx context.Context, tokens []int, limit int, stops ...int) ([]int, error) {
	r, err := s.start(ctx, tokens, limit)
	if err != nil {
		return nil, fmt.Errorf("generate: %w", err)
	}
	defer s.finish(r)
	var out []int
	logits := make([]float64, s.config.VocabSize)
	for len(out) < limit {
		r.allLogits(logits)
		best := 0
		for id, v := range logits {
			if v > logits[best] {
				best = id
			}
		}
		if slices.Contains(s.config.EOS, best) || slices.Contains(stops, best) {
			break
		}
		out = append(out, best)
		if err := r.advance(ctx, []int{best}); err != nil {
			return nil, fmt.Errorf("generate: %w", err)
		}
	}
	return out, nil
}

// allLogits fills the logits of the whole vocabulary after the last position.
func (r *run) allLogits(logits []float64) {
	workers := runtime.GOMAXPROCS(0)
	if len(logits)*r.s.config.HiddenSize < largeProduct || workers == 1 {
		r.someLogits(logits, 0)
		return
	}
	share := (len(logits) + workers - 1) / workers
	var group sync.WaitGroup
	for from := 0; from < len(logits); from += share {
		group.Go(func() { r.someLogits(logits[from:min(from+share, len(logits))], from) })
	}
	group.Wait()
}

func (r *run) someLogits(logits []float64, from int) {
	for i := range logits {
		logits[i] = r.logit(from + i)
	}
}

func logSumExp(x []float64) float64 {
	top := slices.Max(x)
	sum := 0.0
	for _, v := range x {
		sum += math.Exp(v - top)
	}
	return top + math.Log(sum)
}
