package gemma_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"sluice/gemma"
	"sluice/gemma/internal/reference"
)

func newScorer(tb testing.TB, c gemma.Config, w gemma.Weights, prefix []int) *gemma.Scorer {
	tb.Helper()
	s, err := gemma.NewScorer(c, w)
	if err != nil {
		tb.Fatal(err)
	}
	if s, err = s.WithPrefix(tb.Context(), prefix); err != nil {
		tb.Fatal(err)
	}
	return s
}

// variants of every generation with one, two and four key heads.
func variants() map[string]gemma.Config {
	out := map[string]gemma.Config{}
	for _, g := range []gemma.Generation{gemma.Gemma1, gemma.Gemma2, gemma.Gemma3} {
		for _, kv := range []int{1, 2, 4} {
			c := reference.Small(g)
			c.KVHeads = kv
			out[fmt.Sprintf("Gemma%d kv%d", g, kv)] = c
		}
	}
	return out
}

// completions by the reference: the sum of log-probabilities over the whole vocabulary.
func byReference(c gemma.Config, w gemma.Weights, tokens, completion []int) (sum float64) {
	all := slices.Concat(tokens, completion)
	logits := reference.Logits(c, w, all)
	for i, id := range completion {
		sum += reference.LogProbs(logits[len(tokens)+i-1])[id]
	}
	return sum
}

// With no prefix, with the whole prompt but one token cached, and with a prefix that the prompt leaves half way.
func TestScorerAgreesWithTheReference(t *testing.T) {
	for name, c := range variants() {
		t.Run(name, func(t *testing.T) {
			w := reference.Weights(c, 21)
			tokens, completion := reference.Tokens(c, 21, 1), reference.Tokens(c, 4, 2)
			want := byReference(c, w, tokens, completion)
			other := slices.Concat(tokens[:8], reference.Tokens(c, 9, 3))
			worst := 0.0
			for _, prefix := range [][]int{nil, tokens, tokens[:11], other} {
				got, err := newScorer(t, c, w, prefix).LogProb(t.Context(), tokens, completion)
				if err != nil {
					t.Fatal(err)
				}
				worst = math.Max(worst, math.Abs(got-want))
			}
			t.Logf("log-probability %.6f, largest difference %.2g", want, worst)
			if !(worst < 1e-4) {
				t.Errorf("the scorer is %g away from the reference", worst)
			}
		})
	}
}

// Candidates that part at the first token and again at the third, against a softmax worked out by hand.
func TestScoreIsTheConstrainedProbability(t *testing.T) {
	c := reference.Small(gemma.Gemma2)
	w := reference.Weights(c, 3)
	tokens := reference.Tokens(c, 9, 7)
	candidates := [][]int{{5, 6, 7}, {9}, {5, 6, 8, 1}, {5, 6, 10}}
	got, err := newScorer(t, c, w, tokens[:6]).Score(t.Context(), tokens, candidates)
	if err != nil {
		t.Fatal(err)
	}
	first := reference.Logits(c, w, tokens)[8]
	third := reference.Logits(c, w, slices.Concat(tokens, []int{5, 6}))[10]
	a := reference.LogProbs([]float64{first[5], first[9]})
	b := reference.LogProbs([]float64{third[7], third[8], third[10]})
	want := []float64{a[0] + b[0], a[1], a[0] + b[1], a[0] + b[2]}
	total := 0.0
	for i := range want {
		total += math.Exp(got[i])
		if math.Abs(got[i]-want[i]) > 1e-4 {
			t.Errorf("candidate %d has %.6f, by hand %.6f", i, got[i], want[i])
		}
	}
	if math.Abs(total-1) > 1e-9 {
		t.Errorf("the probabilities sum to %g", total)
	}
}

func TestGenerateIsGreedyAndStops(t *testing.T) {
	c := reference.Small(gemma.Gemma3)
	w := reference.Weights(c, 8)
	tokens := reference.Tokens(c, 5, 9)
	want := slices.Clone(tokens)
	for range 12 {
		logits := reference.Logits(c, w, want)
		last := logits[len(logits)-1]
		want = append(want, slices.Index(last, slices.Max(last)))
	}
	got, err := newScorer(t, c, w, nil).Generate(t.Context(), tokens, 12)
	if err != nil || !slices.Equal(got, want[5:]) {
		t.Errorf("generated %v, reference %v (%v)", got, want[5:], err)
	}
	upTo, err := newScorer(t, c, w, nil).Generate(t.Context(), tokens, 12, c.VocabSize, want[8])
	if err != nil || !slices.Equal(upTo, want[5:5+slices.Index(want[5:], want[8])]) {
		t.Errorf("generated %v up to token %d (%v)", upTo, want[8], err)
	}
	c.EOS = []int{want[8]}
	stopped, err := newScorer(t, c, w, nil).Generate(t.Context(), tokens, 12)
	if err != nil || !slices.Equal(stopped, want[5:5+slices.Index(want[5:], want[8])]) {
		t.Errorf("generated %v with end token %d (%v)", stopped, want[8], err)
	}
}

// Scratch memory is shared through a pool: calls side by side must not see one another.
func TestScorerServesManyAtOnce(t *testing.T) {
	c := reference.Small(gemma.Gemma3)
	s := newScorer(t, c, reference.Weights(c, 2), reference.Tokens(c, 6, 1))
	prompts, want := make([][]int, 12), make([][]float64, 12)
	for i := range prompts {
		prompts[i] = append(reference.Tokens(c, 6, uint64(1+i%2)), reference.Tokens(c, 1+5*i%17, uint64(i))...)
		want[i], _ = s.Score(t.Context(), prompts[i], [][]int{{3}, {4, 1}, {4, 2}})
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for i, p := range prompts {
				got, err := s.Score(t.Context(), p, [][]int{{3}, {4, 1}, {4, 2}})
				if err != nil || !slices.Equal(got, want[i]) {
					t.Errorf("prompt %d: %v, alone %v (%v)", i, got, want[i], err)
				}
			}
		})
	}
	group.Wait()
}

func TestScorerRefuses(t *testing.T) {
	c := reference.Small(gemma.Gemma1)
	s := newScorer(t, c, reference.Weights(c, 2), nil)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	score := func(ctx context.Context, tokens []int, candidates ...[]int) error {
		_, err := s.Score(ctx, tokens, candidates)
		return err
	}
	ctx := t.Context()
	for want, err := range map[string]error{
		"no tokens":                 score(ctx, nil, []int{1}),
		"no candidates":             score(ctx, []int{1}),
		"is empty":                  score(ctx, []int{1}, []int{}),
		"beginning of candidate 1":  score(ctx, []int{1}, []int{1}, []int{1, 2}),
		"token 37 is outside":       score(ctx, []int{37}, []int{1}),
		"candidate token 99":        score(ctx, []int{1}, []int{1}, []int{99}),
		"more than the limit of 64": score(ctx, make([]int, 65), []int{1}),
		context.Canceled.Error():    score(gone, []int{1}, []int{1}, []int{2}),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one that says %q", err, want)
		}
	}
}

// BenchmarkScore is a decision of the default router: 64 tokens of which 32 are the cached prompt.
func BenchmarkScore(b *testing.B) {
	c := gemma.Tiny()
	tokens := reference.Tokens(c, 64, 1)
	for _, cached := range []int{0, 32} {
		b.Run(fmt.Sprintf("cached%d", cached), func(b *testing.B) {
			s := newScorer(b, c, gemma.RandomWeights(c, 1), tokens[:cached])
			for b.Loop() {
				if _, err := s.Score(b.Context(), tokens, [][]int{{3}, {4}, {5}}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkGenerate(b *testing.B) {
	c := gemma.Tiny()
	c.EOS = nil
	s := newScorer(b, c, gemma.RandomWeights(c, 1), nil)
	for b.Loop() {
		if _, err := s.Generate(b.Context(), []int{2, 3, 4}, 32); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()*1e6/float64(b.N)/32, "us/token")
}
