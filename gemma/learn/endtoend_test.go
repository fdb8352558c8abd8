package learn

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"sluice/gemma"
	"sluice/gemma/tokenizer"
)

// question draws a prompt and its policy: questions that ask to prove or derive are escalate.
func question(rng *rand.Rand) (text string, escalate bool) {
	easy := []string{"who wrote", "when was", "what color is", "where is"}
	hard := []string{"prove that", "derive why", "show how", "explain why"}
	things := []string{"the book", "a prime", "the river", "this sum", "the king", "light"}
	escalate = rng.IntN(2) == 1
	verb := easy[rng.IntN(len(easy))]
	if escalate {
		verb = hard[rng.IntN(len(hard))]
	}
	return fmt.Sprintf("%s %s is %s", verb, things[rng.IntN(len(things))], things[rng.IntN(len(things))]), escalate
}

const standard, complicated = "<standard>", "<complex>"

// The whole way of the default router at toy size: learn a vocabulary, learn from labels by SFT and DPO, save,
// load, and decide what it has not seen with the serving pass.
func TestARouterLearnsToDecide(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	var texts []string
	var labels []bool
	for range 340 {
		text, escalate := question(rng)
		texts, labels = append(texts, text), append(labels, escalate)
	}
	tok, err := tokenizer.Train(slices.Values(texts[:240]), 320, standard, complicated)
	if err != nil {
		t.Fatal(err)
	}
	c := gemma.Tiny()
	c.VocabSize, c.HiddenSize, c.IntermediateSize, c.Layers, c.Heads, c.HeadDim = tok.Size(), 32, 64, 2, 2, 16
	c.QueryPreAttnScalar, c.Local = 16, []bool{true, false}
	m := newModel(t, c, gemma.RandomWeights(c, 5), Options{})

	candidates := [][]int{{id(t, tok, standard)}, {id(t, tok, complicated)}}
	example := func(text string, escalate bool) Example {
		prompt := append([]int{c.BOS}, tok.Encode(text)...)
		return Example{Tokens: append(prompt, candidates[policy(escalate)]...), From: len(prompt)}
	}
	var good, bad []Example
	for i := range 240 {
		good = append(good, example(texts[i], labels[i]))
		bad = append(bad, example(texts[i], !labels[i]))
	}
	trainRouter(t, m, good, bad)

	dir := filepath.Join(t.TempDir(), "router")
	saved := &gemma.Model{Config: c, Weights: weightsOf(t, m), Tokenizer: tok.JSON()}
	if err := saved.Save(dir); err != nil {
		t.Fatal(err)
	}
	right := decide(t, dir, texts[240:], labels[240:], candidates)
	t.Logf("%d of 100 unseen questions decided rightly", right)
	if right < 95 {
		t.Errorf("only %d of 100 unseen questions were decided rightly", right)
	}
}

func id(t *testing.T, tok *tokenizer.Tokenizer, token string) int {
	t.Helper()
	id, ok := tok.ID(token)
	if !ok {
		t.Fatalf("no token %s", token)
	}
	return id
}

func policy(escalate bool) int {
	if escalate {
		return 1
	}
	return 0
}

// trainRouter runs two epochs of SFT and one of DPO against the frozen result.
func trainRouter(t *testing.T, m *Model, good, bad []Example) {
	t.Helper()
	const rows = 16
	h := DefaultHyper(2 * len(good) / rows)
	h.Rate = 5e-3
	tr := newTrainer(t, m, h)
	for epoch := range 2 {
		for batch := range Batches(good, rows, uint64(epoch)) {
			if _, err := tr.SFT(batchOf(t, rows, choose(good, batch)...)); err != nil {
				t.Fatalf("%+v", err)
			}
		}
	}
	var all []Pairs
	for batch := range Batches(good, rows/2, 9) {
		p, err := NewPairs(choose(good, batch), choose(bad, batch), rows)
		if err != nil {
			t.Fatal(err)
		}
		if p.Reference, err = m.LogProbs(p.Batch); err != nil {
			t.Fatalf("%+v", err)
		}
		all = append(all, p)
	}
	h = DefaultHyper(len(all))
	h.Rate = 5e-4
	tr = newTrainer(t, m, h)
	var last Report
	for _, p := range all {
		var err error
		if last, err = tr.DPO(0.1, p); err != nil {
			t.Fatalf("%+v", err)
		}
	}
	t.Logf("after DPO: loss %.3f, margin %.3f, wins %.2f", last.Loss, last.Margin, last.Wins)
	if last.Margin <= 0 {
		t.Errorf("DPO left a margin of %g", last.Margin)
	}
}

func choose(all []Example, indices []int) (out []Example) {
	for _, i := range indices {
		out = append(out, all[i])
	}
	return out
}

// decide loads a router and counts its right decisions.
func decide(t *testing.T, dir string, texts []string, labels []bool, candidates [][]int) (right int) {
	t.Helper()
	m, err := gemma.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := tokenizer.Parse(m.Tokenizer)
	if err != nil {
		t.Fatal(err)
	}
	s, err := gemma.NewScorer(m.Config, m.Weights)
	if err != nil {
		t.Fatal(err)
	}
	if s, err = s.WithPrefix(t.Context(), []int{m.Config.BOS}); err != nil {
		t.Fatal(err)
	}
	for i, text := range texts {
		scores, err := s.Score(t.Context(), append([]int{m.Config.BOS}, tok.Encode(text)...), candidates)
		if err != nil {
			t.Fatal(err)
		}
		if (scores[1] > scores[0]) == labels[i] {
			right++
		}
	}
	return right
}
