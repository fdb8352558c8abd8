package scored

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"sluice"
	"sluice/gemma"
	"sluice/gemma/tokenizer"
	"sluice/routing"
)

// PromptFile holds the prompt of a model, beside its weights.
const PromptFile = "prompt.json"

// Spec is what a model's directory does not hold.
type Spec struct {
	Version     string
	Policies    []sluice.PolicySpec
	Calibration routing.Calibration
}

// Router is a model that decides. It is immutable and safe for concurrent use.
type Router struct {
	spec   Spec
	layout *Layout
	scorer *gemma.Scorer
}

// Open reads a model directory with its prompt.json. Weights, tokenizer, prompt, policies and calibration must
// fit one another: whatever does not is an error, and nothing is opened in part.
func Open(ctx context.Context, dir string, spec Spec) (*Router, error) {
	data, err := os.ReadFile(filepath.Join(dir, PromptFile))
	if err != nil {
		return nil, fmt.Errorf("open router: %w", err)
	}
	var prompt routing.Prompt
	if err := json.Unmarshal(data, &prompt); err != nil {
		return nil, fmt.Errorf("open router: %s: %w", PromptFile, err)
	}
	m, err := gemma.Load(dir)
	if err != nil {
		return nil, fmt.Errorf("open router: %w", err)
	}
	return New(ctx, m, prompt, spec)
}

// New makes a router of a model in memory, whose weights must not change any more.
func New(ctx context.Context, m *gemma.Model, prompt routing.Prompt, spec Spec) (*Router, error) {
	tok, err := Tokenizer(m)
	if err != nil {
		return nil, fmt.Errorf("open router: %w", err)
	}
	if err := spec.Calibration.Validate(len(spec.Policies)); err != nil {
		return nil, fmt.Errorf("open router: %w", err)
	}
	layout, err := NewLayout(tok, prompt, spec.Policies)
	if err != nil {
		return nil, fmt.Errorf("open router: %w", err)
	}
	if tok.Rows() > m.Config.VocabSize {
		return nil, fmt.Errorf("open router: a tokenizer of %d tokens for a model of %d", tok.Rows(), m.Config.VocabSize)
	}
	if prompt.Limit+maxReasoning > m.Config.MaxPositions {
		return nil, fmt.Errorf("open router: prompts of %d tokens and reasonings of %d for a model of %d positions",
			prompt.Limit, maxReasoning, m.Config.MaxPositions)
	}
	scorer, err := gemma.NewScorer(m.Config, m.Weights)
	if err != nil {
		return nil, fmt.Errorf("open router: %w", err)
	}
	if scorer, err = scorer.WithPrefix(ctx, layout.prefix); err != nil {
		return nil, fmt.Errorf("open router: %w", err)
	}
	r := &Router{spec: spec, layout: layout, scorer: scorer}
	first, err := r.Route(ctx, routing.Request{Text: "Is anybody there?"})
	if err != nil {
		return nil, fmt.Errorf("open router: its first decision: %w", err)
	}
	for policy, p := range first.Probabilities {
		if math.IsNaN(p) {
			return nil, fmt.Errorf("open router: its first decision: the probability of %s is not a number: its training diverged, or its weights are damaged", policy)
		}
	}
	return r, nil
}

// Tokenizer reads the tokenizer that a model brings.
func Tokenizer(m *gemma.Model) (*tokenizer.Tokenizer, error) {
	switch {
	case m.Tokenizer != nil:
		return tokenizer.Parse(m.Tokenizer)
	case m.Sentencepiece != nil:
		return tokenizer.ParseSentencepiece(m.Sentencepiece)
	}
	return nil, errors.New("the model has no tokenizer: tokenizer.json or tokenizer.model must lie beside its weights")
}

// Version is the artifact's.
func (r *Router) Version() string { return r.spec.Version }

// Threshold is the calibration's: P(Complex) from which on the large model is asked; 0 where it chose none.
func (r *Router) Threshold() float64 { return r.spec.Calibration.Threshold }

// Scores are the log-probabilities of the policies before calibration, in their order.
func (r *Router) Scores(ctx context.Context, text string) (scores []float64, truncated bool, err error) {
	query, truncated := r.layout.Query(text)
	scores, err = r.scorer.Score(ctx, r.layout.Decide(query), r.layout.policies)
	return scores, truncated, err
}

// Route decides. An error is the context's.
func (r *Router) Route(ctx context.Context, req routing.Request) (routing.Choice, error) {
	query, truncated := r.layout.Query(req.Text)
	p, err := r.scorer.Score(ctx, r.layout.Decide(query), r.layout.policies)
	if err != nil {
		return routing.Choice{}, err
	}
	r.spec.Calibration.Apply(p)
	best := 0
	c := routing.Choice{Version: r.spec.Version, Truncated: truncated, Probabilities: make(map[sluice.Policy]float64, len(p))}
	for i, v := range p {
		c.Probabilities[r.spec.Policies[i].Name] = v
		if v > p[best] {
			best = i
		}
	}
	c.Policy = r.spec.Policies[best].Name
	if req.Explain {
		if c.Reasoning, err = r.explain(ctx, query, c.Policy); err != nil {
			return routing.Choice{}, err
		}
		c.ReasoningSource = routing.ReasoningGenerated
	}
	if c.Reasoning == "" {
		c.Reasoning, c.ReasoningSource = routing.Template(r.spec.Policies, c.Policy, p[best]), routing.ReasoningTemplate
	}
	return c, nil
}

// maxReasoning bounds a generated reasoning, in tokens.
const maxReasoning = 96

// explain lets the model reason. Its words count only where they end in the policy that was scored: empty
// where they contradict it or end in nothing.
func (r *Router) explain(ctx context.Context, query []int, policy sluice.Policy) (string, error) {
	ids, err := r.scorer.Generate(ctx, r.layout.Explain(query), maxReasoning, r.layout.end...)
	if err != nil {
		return "", err
	}
	said, reasoning, err := routing.Parse(r.layout.Text(slices.Concat(r.layout.explain, ids)), r.spec.Policies)
	if err != nil || said != policy {
		return "", nil //nolint:nilerr // the template speaks where the model does not
	}
	return reasoning, nil
}
