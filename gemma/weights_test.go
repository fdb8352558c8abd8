//go:build weights

package gemma_test

import (
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/gemma"
	"sluice/gemma/internal/reference"
	"sluice/gemma/tokenizer"
)

// TestRealGemma3 needs SLUICE_GEMMA_WEIGHTS, the path of a Gemma 3 270M: a directory in the layout of Hugging
// Face, or a GGUF file with tokenizer.json beside it. What a language model of this size knows must come out.
func TestRealGemma3(t *testing.T) {
	path := os.Getenv("SLUICE_GEMMA_WEIGHTS")
	if path == "" {
		t.Fatal("set SLUICE_GEMMA_WEIGHTS to a Gemma 3 270M")
	}
	begin := time.Now()
	m, err := gemma.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := tokenizer.Parse(m.Tokenizer)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("loaded %d parameters in %v", m.Config.Parameters(), time.Since(begin))
	if n := m.Config.Parameters(); n != 268_098_176 {
		t.Errorf("%d parameters, published 268098176", n)
	}
	s, err := gemma.NewScorer(m.Config, m.Weights)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(text string) []int {
		start, _ := tok.ID(tokenizer.Begin)
		return append([]int{start}, tok.Encode(text)...)
	}
	for prompt, want := range map[string]string{
		"One, two, three, four, five, six,":     "seven",
		"Monday, Tuesday, Wednesday, Thursday,": "Friday",
	} {
		begin := time.Now()
		ids, err := s.Generate(t.Context(), encode(prompt), 6)
		if err != nil {
			t.Fatal(err)
		}
		got := tok.Decode(ids)
		t.Logf("%q goes on %q (%v)", prompt, got, time.Since(begin))
		if !strings.Contains(got, want) {
			t.Errorf("%q goes on %q, want %q in it", prompt, got, want)
		}
	}
	var candidates [][]int
	for _, word := range []string{" Paris", " London", " Berlin", " table"} {
		candidates = append(candidates, tok.Encode(word))
	}
	scores, err := s.Score(t.Context(), encode("The Eiffel Tower stands in the city of"), candidates)
	t.Logf("Paris, London, Berlin, table: %.3f", scores)
	if err != nil || slices.Max(scores) != scores[0] || slices.Min(scores) != scores[3] {
		t.Errorf("Paris, London, Berlin, table score %v (%v)", scores, err)
	}
	// The serving pass against the float64 reference, on the real numbers.
	tokens := encode("Paris is")[:3]
	want := reference.LogProbs(reference.Logits(m.Config, m.Weights, tokens[:2])[1])[tokens[2]]
	got, err := s.LogProb(t.Context(), tokens[:2], tokens[2:])
	t.Logf("log-probability %.6f, reference %.6f", got, want)
	if err != nil || math.Abs(got-want) > 1e-3 {
		t.Errorf("log-probability %g, reference %g (%v)", got, want, err)
	}
}
