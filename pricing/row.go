package pricing

import (
	"fmt"
	"time"
)

// Row is one line of a price list. The rows of one model that share a date are its tiers by context.
type Row struct {
	// Model is the provider's name for the model.
	Model string `json:"model"`
	// EffectiveFrom is the first day (UTC, "2006-01-02") that the row holds for; it holds until a later
	// row of the model begins. In an operator's own row it may be empty: the row then holds for all time
	// and every built-in row of the model is dropped.
	EffectiveFrom string `json:"effective_from,omitempty"`
	// AbovePromptTokens makes the row hold for prompts longer than this; 0 is the model's first tier.
	AbovePromptTokens int64 `json:"above_prompt_tokens,omitempty"`
	// Prompt, Cached and Output are micro-dollars per million tokens ($0.30 is 300000). Cached 0 means
	// that the provider gives no discount: cached tokens cost what prompt tokens cost. Thinking tokens
	// are billed as output.
	Prompt int64 `json:"prompt_microusd_per_mtok"`
	Cached int64 `json:"cached_microusd_per_mtok,omitempty"`
	Output int64 `json:"output_microusd_per_mtok"`
}

// maxPrice is $1,000,000 per million tokens: beyond it a price is a typing error.
const maxPrice = 1_000_000_000_000

// date reads EffectiveFrom; empty is the zero time.
func (r Row) date() (time.Time, error) {
	if r.EffectiveFrom == "" {
		return time.Time{}, nil
	}
	d, err := time.Parse(time.DateOnly, r.EffectiveFrom)
	if err != nil {
		return time.Time{}, fmt.Errorf("effective_from %q: want a day such as 2026-01-31", r.EffectiveFrom)
	}
	return d, nil
}

// faults lists everything that is wrong with the row.
func (r Row) faults() []error {
	var faults []error
	add := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("price of %q: "+format, append([]any{r.Model}, args...)...))
	}
	if r.Model == "" {
		add("no model named")
	}
	if _, err := r.date(); err != nil {
		add("%w", err)
	}
	if r.AbovePromptTokens < 0 {
		add("above_prompt_tokens %d is negative", r.AbovePromptTokens)
	}
	for _, p := range []struct {
		key   string
		price int64
	}{
		{"prompt_microusd_per_mtok", r.Prompt},
		{"cached_microusd_per_mtok", r.Cached},
		{"output_microusd_per_mtok", r.Output},
	} {
		if p.price < 0 || p.price > maxPrice {
			add("%s %d: want 0 to %d", p.key, p.price, int64(maxPrice))
		}
	}
	return faults
}

// cached is the price of a cached token, the discount's absence resolved.
func (r Row) cached() int64 {
	if r.Cached == 0 {
		return r.Prompt
	}
	return r.Cached
}
