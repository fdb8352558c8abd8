package pricing

import (
	"fmt"
	"math/bits"
	"time"

	"sluice"
)

// Most is what no single call can cost: a million dollars. A server that tells counts beyond it is wrong, and sums of
// what is below it do not overflow.
const Most sluice.MicroUSD = 1_000_000_000_000

// Price is what a call of the model at an instant cost, rounded up to the next micro-dollar, and the
// version of the prices used. Cached tokens are a part of the prompt and cost the cached price;
// thinking tokens cost what output costs; the tier is chosen by the whole prompt. It fails for a model
// without a price at that instant ([ErrNoPrice]) and for counts that no provider can mean: negative
// ones, more cached tokens than prompt, a cost beyond [Most].
func (t Table) Price(model string, at time.Time, u sluice.Usage) (sluice.MicroUSD, string, error) {
	e, err := t.at(model, at)
	if err != nil {
		return 0, "", err
	}
	if u.Prompt < 0 || u.Cached < 0 || u.Output < 0 || u.Thoughts < 0 || u.Cached > u.Prompt {
		return 0, "", fmt.Errorf("price a call of %s: impossible token counts %+v", model, u)
	}
	row := e.tiers[0]
	for _, r := range e.tiers[1:] {
		if u.Prompt > r.AbovePromptTokens {
			row = r
		}
	}
	cost, err := sum(
		part{u.Prompt - u.Cached, row.Prompt},
		part{u.Cached, row.cached()},
		part{u.Output, row.Output},
		part{u.Thoughts, row.Output},
	)
	if err != nil {
		return 0, "", fmt.Errorf("price a call of %s: %w", model, err)
	}
	return cost, e.version, nil
}

// Bound is the most that a call can cost whose prompt has at most promptTokens and whose output,
// thinking included, has at most outputTokens, and the version of the prices used: what an estimate or a
// reservation goes by.
func (t Table) Bound(model string, at time.Time, promptTokens, outputTokens int64) (sluice.MicroUSD, string, error) {
	e, err := t.at(model, at)
	if err != nil {
		return 0, "", err
	}
	if promptTokens < 0 || outputTokens < 0 {
		return 0, "", fmt.Errorf("bound a call of %s: negative token counts %d, %d", model, promptTokens, outputTokens)
	}
	var most sluice.MicroUSD
	for i, r := range e.tiers {
		if i > 0 && promptTokens <= r.AbovePromptTokens {
			break
		}
		// A lower tier may be the dearer one: every tier that the prompt can fall in is tried.
		cost, err := sum(part{promptTokens, max(r.Prompt, r.cached())}, part{outputTokens, r.Output})
		if err != nil {
			return 0, "", fmt.Errorf("bound a call of %s: %w", model, err)
		}
		most = max(most, cost)
	}
	return most, e.version, nil
}

// part is some tokens at one price per million.
type part struct{ tokens, price int64 }

// sum adds the parts in 128 bits and rounds once, upwards.
func sum(parts ...part) (sluice.MicroUSD, error) {
	const million = 1_000_000
	var hi, lo uint64
	for _, p := range parts {
		h, l := bits.Mul64(uint64(p.tokens), uint64(p.price))
		var carry uint64
		lo, carry = bits.Add64(lo, l, 0)
		hi, _ = bits.Add64(hi, h, carry) // at most 4 * 2^126: no carry out
	}
	if hi >= million {
		return 0, fmt.Errorf("a cost beyond %s", Most)
	}
	quotient, remainder := bits.Div64(hi, lo, million)
	if remainder > 0 {
		quotient++
	}
	if quotient > uint64(Most) {
		return 0, fmt.Errorf("a cost beyond %s", Most)
	}
	return sluice.MicroUSD(quotient), nil
}
