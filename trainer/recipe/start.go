package recipe

import (
	"context"
	"fmt"
	"slices"

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
func begin(ctx context.Context, rows []dataset.Row, o Options) (start, error) {
	if o.Base != nil {
		return fromBase(o)
	}
	return fromNothing(ctx, rows, o)
}

// vocabulary is the most tokens of the default model; few texts give fewer.
const vocabulary = 2048

// small is the architecture of the default model: wide enough for a bag of words and its company, and small
// enough that a few hundred rows do not drown in it.
func small(tokens int) gemma.Config {
	c := gemma.Tiny()
	c.Generation, c.RopeLocalTheta = gemma.Gemma1, c.RopeTheta
	c.VocabSize, c.HiddenSize, c.IntermediateSize, c.Layers = tokens, 64, 128, 2
	c.Heads, c.HeadDim, c.QueryPreAttnScalar = 4, 16, 16
	c.Local, c.SlidingWindow = []bool{false, false}, 0
	return c
}

// fromNothing learns a vocabulary from the rows and draws weights.
func fromNothing(ctx context.Context, rows []dataset.Row, o Options) (start, error) {
	prompt := routing.CompactPrompt(o.Policies)
	tok, err := tokenizer.Train(texts(rows, prompt), vocabulary, routing.Controls(o.Policies)...)
	if err != nil {
		return start{}, err
	}
	c := small(tok.Size())
	s := start{
		model: gemma.Model{Config: c, Tokenizer: tok.JSON()}, prompt: prompt,
		rows: 32, rate: 1e-3, dpoRate: 2e-4, decay: 0.1, beta: 0.1, drop: 0.15, balance: 0.5, reasonEvery: 4,
	}
	if s.layout, err = scored.NewLayout(tok, prompt, o.Policies); err != nil {
		return start{}, err
	}
	s.model.Weights, err = seeded(ctx, c, s.layout, rows, o.Policies, o.Seed)
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

// CheckBase finds what would keep a base model from being adapted: weights that are missing, torn or of another
// architecture, no tokenizer, one that is another model's, a prompt that it can't spell. It keeps no weights.
func CheckBase(path string, policies []sluice.PolicySpec) error {
	m, err := gemma.Verify(path)
	if err != nil {
		return err
	}
	tok, err := scored.Tokenizer(m)
	if err != nil {
		return fmt.Errorf("load model %s: %w", path, err)
	}
	if tok.Rows() > m.Config.VocabSize {
		return fmt.Errorf("load model %s: its tokenizer has %d tokens, its embedding %d rows: it is another model's", path, tok.Rows(), m.Config.VocabSize)
	}
	if _, err := scored.NewLayout(tok, routing.FullPrompt(policies), policies); err != nil {
		return fmt.Errorf("load model %s: %w", path, err)
	}
	return nil
}

// hyper are the optimiser's settings of a stage.
func (s start) hyper(steps int, rate float64) learn.Hyper {
	h := learn.DefaultHyper(steps)
	h.Rate, h.Decay = rate, s.decay
	return h
}

// index is a policy's place among the outputs; -1 for one that the router does not know.
func index(policies []sluice.PolicySpec, policy sluice.Policy) int {
	return slices.IndexFunc(policies, func(p sluice.PolicySpec) bool { return p.Name == policy })
}
