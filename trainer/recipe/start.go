package recipe

import (
	"fmt"

	"sluice"
	"sluice/gemma"
	"sluice/gemma/learn"
	"sluice/gemma/tokenizer"
	"sluice/routing"
	"sluice/routing/scored"
	"sluice/trainer/dataset"
)

// start is what a training begins with, and its settings: all that tells the recipes apart.
type start struct {
	model  gemma.Model
	prompt routing.Prompt
	learn  learn.Options
	layout *scored.Layout

	rows          int     // examples of one optimiser step
	rate, dpoRate float64 // peak learning rates
	decay         float64
	beta          float64 // DPO's strength
	drop          float64 // share of a query's tokens that an epoch leaves out
	balance       float64 // 0 samples policies as they are, 1 equally often
	reasonEvery   int     // one row of so many is also learnt with its reasoning
}

// begin makes the start of a recipe.
func begin(rows []dataset.Row, o Options) (start, error) {
	if o.Base != nil {
		return fromBase(o)
	}
	return fromNothing(rows, o, vocabulary)
}

// vocabulary is the most tokens of the default model; few texts give fewer.
const vocabulary = 2048

// small is the architecture of the default model: wide enough for a bag of words and its company, and small
// enough that a few hundred rows do not drown in it.
func small(tokens int) gemma.Config {
	c := gemma.Tiny()
	c.VocabSize, c.HiddenSize, c.IntermediateSize, c.Layers = tokens, 64, 128, 2
	c.Heads, c.HeadDim, c.QueryPreAttnScalar = 4, 16, 16
	c.Local, c.SlidingWindow = []bool{false, false}, 0
	return c
}

// fromNothing learns a vocabulary from the rows and draws weights.
func fromNothing(rows []dataset.Row, o Options, most int) (start, error) {
	prompt := routing.CompactPrompt(o.Policies)
	tok, err := tokenizer.Train(texts(rows, prompt), most, routing.Controls(o.Policies)...)
	if err != nil {
		return start{}, err
	}
	c := small(tok.Size())
	s := start{
		model: gemma.Model{Config: c, Weights: bag(c, o.Seed), Tokenizer: tok.JSON()}, prompt: prompt,
		rows: 32, rate: 2e-3, dpoRate: 2e-4, decay: 0.1, beta: 0.1, drop: 0.15, balance: 0.5, reasonEvery: 4,
	}
	s.layout, err = scored.NewLayout(tok, prompt, o.Policies)
	return s, err
}

// texts are what a vocabulary is learnt from: every query and every reasoning, folded, and the prompt's own
// words so often that each becomes a token.
func texts(rows []dataset.Row, prompt routing.Prompt) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for _, r := range rows {
			if !yield(scored.Folded(r.Text)) || !yield(prompt.Prefix) || r.Described() && !yield(r.Reasoning()) {
				return
			}
		}
	}
}

// bag draws weights with which a model begins as a bag of words: queries and keys are damped, so that every
// position looks at all before it alike, and what it finds is their mean.
func bag(c gemma.Config, seed uint64) gemma.Weights {
	w := gemma.RandomWeights(c, seed)
	for i := range c.Layers {
		for _, part := range []string{"self_attn.q_norm", "self_attn.k_norm"} {
			for j := range w[gemma.LayerName(i, part)].Data {
				w[gemma.LayerName(i, part)].Data[j] = -0.8
			}
		}
	}
	return w
}

// fromBase loads pretrained weights and puts adapters beside them.
func fromBase(o Options) (start, error) {
	m, err := gemma.Load(o.Base.Path)
	if err != nil {
		return start{}, fmt.Errorf("base model %s: %w", o.Base.Name, err)
	}
	tok, err := scored.Tokenizer(m)
	if err != nil {
		return start{}, fmt.Errorf("base model %s: %w", o.Base.Name, err)
	}
	s := start{
		model: *m, prompt: routing.FullPrompt(o.Policies).Limited(o.Base.Limit),
		learn: learn.Options{Checkpoint: o.Base.Checkpoint, LoRA: &learn.LoRA{
			Rank: o.Base.Rank, Alpha: o.Base.Alpha, Seed: o.Seed, Quantize: o.Base.Quantize,
			Unpack: o.Backend == "" || o.Backend == "go",
		}},
		rows: o.Base.Rows, rate: 2e-4, dpoRate: 2e-5, beta: 0.1, balance: 0.5, reasonEvery: 1,
	}
	s.layout, err = scored.NewLayout(tok, s.prompt, o.Policies)
	return s, err
}

// hyper are the optimiser's settings of a stage.
func (s start) hyper(steps int, rate float64) learn.Hyper {
	h := learn.DefaultHyper(steps)
	h.Rate, h.Decay = rate, s.decay
	return h
}

// index is a policy's place among the outputs; -1 for one that the router does not know.
func index(policies []sluice.PolicySpec, policy sluice.Policy) int {
	for i, p := range policies {
		if p.Name == policy {
			return i
		}
	}
	return -1
}
