package llm

import (
	"fmt"
	"time"

	"sluice"
	"sluice/pricing"
)

// What an API adds around a request's text, in tokens: around the whole, around each turn and each tool
// (roles, separators), and for tools at all (instructions how to call them).
const (
	requestOverhead = 32
	messageOverhead = 16
	toolsOverhead   = 512
)

func requestBytes(req Request) int64 {
	return int64(len(req.System) + len(req.Prompt) + len(req.Schema))
}

// ExpectedTokens is the rule of thumb of four bytes a token.
func ExpectedTokens(bytes int64) int64 { return (bytes + 3) / 4 }

// BoundTokens is the most tokens that a request of so many bytes can have: a byte-fallback tokenizer
// makes at most one of each byte.
func BoundTokens(bytes int64) int64 { return bytes + requestOverhead }

// mostOutput is the most tokens that a reply may have, by the gateway's rule: the request's bound, which is at
// most the model's, or [DefaultMaxOutputTokens] where there is none.
func mostOutput(req Request) int64 {
	if req.MaxOutputTokens > 0 {
		return int64(req.MaxOutputTokens)
	}
	return DefaultMaxOutputTokens
}

// Plan is a number of alike requests to one model, for [Estimate].
type Plan struct {
	Model    string
	Requests int64
	// PromptBytes is what one request has, system instruction and schema included.
	PromptBytes int64
	// TypicalOutput and MaxOutput are tokens of one reply, thinking included. MaxOutput below
	// TypicalOutput, or 0, counts as TypicalOutput.
	TypicalOutput, MaxOutput int64
}

// Forecast is what plans would cost, without retries.
type Forecast struct {
	// Expected goes by four bytes a token and typical replies; Most by a token a byte and the longest
	// replies.
	Expected, Most sluice.MicroUSD
	// ByModel splits Expected.
	ByModel map[string]sluice.MicroUSD
}

// Estimate adds up what plans would cost at an instant. It fails for a model without a price.
func Estimate(prices pricing.Table, at time.Time, plans ...Plan) (Forecast, error) {
	f := Forecast{ByModel: map[string]sluice.MicroUSD{}}
	for _, p := range plans {
		one, _, err := prices.Price(p.Model, at, sluice.Usage{Prompt: ExpectedTokens(p.PromptBytes), Output: p.TypicalOutput})
		if err != nil {
			return Forecast{}, fmt.Errorf("estimate: %w", err)
		}
		most, err := prices.Bound(p.Model, at, BoundTokens(p.PromptBytes), max(p.TypicalOutput, p.MaxOutput))
		if err != nil {
			return Forecast{}, fmt.Errorf("estimate: %w", err)
		}
		f.Expected += one * sluice.MicroUSD(p.Requests)
		f.Most += most * sluice.MicroUSD(p.Requests)
		f.ByModel[p.Model] += one * sluice.MicroUSD(p.Requests)
	}
	return f, nil
}
