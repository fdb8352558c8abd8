package llm

import "sluice"

// bounds are the most tokens that a provider may bill for an attempt whose usage never arrives.
type bounds struct{ prompt, output int64 }

// bill fills in how an attempt ended and what it cost.
//
// Usage that the provider told is priced, whatever the outcome. Where none arrived though the provider
// may bill (a timeout, a broken reply, a call given up, once the request was on its way; or a server
// that tells no usage) the cost is the price of most, and CostEstimated says so; of a stream that was
// counting when it broke the prompt's count is kept, and what it may have written by then is bounded. A
// request that was refused, rate limited, answered by a server error or never sent costs nothing.
//
// Offline stages leave the output out of most: its only bound is the output limit, which is up to a
// hundred times what replies have. The gateway, whose books may not fall below the provider's, does not; nor does
// what is written down of a call in flight, for the case that nobody lives to say how it ended ([Journal]).
func (c *Caller) bill(line *sluice.Call, usage sluice.Usage, failed *Error, most bounds) {
	line.Outcome = sluice.OutcomeOK
	told, partial := usage != sluice.Usage{}, false
	if failed != nil {
		line.Outcome, line.Error = failed.Outcome, failed.Error()
		usage, told, partial = sluice.Usage{}, failed.Usage != nil, failed.Partial
		if told {
			usage = *failed.Usage
		}
	}
	if told && !partial {
		cost, version, err := c.prices.Price(line.Model, line.StartedAt, usage)
		if err == nil {
			line.Usage, line.Cost, line.PriceVersion = usage, cost, version
			return
		}
		// Impossible counts: as good as none told.
	}
	// New saw to it that the model has a price.
	_, line.PriceVersion, _ = c.prices.Price(line.Model, line.StartedAt, sluice.Usage{})
	if failed != nil && !failed.mayBill() {
		return
	}
	if told && partial {
		// The counts so far stand in the line; of them the prompt's is final.
		if _, _, err := c.prices.Price(line.Model, line.StartedAt, usage); err == nil && usage.Prompt > 0 {
			line.Usage, most.prompt = usage, usage.Prompt
			most.output = max(most.output, usage.Output+usage.Thoughts)
		}
	}
	line.Cost, _, _ = c.prices.Bound(line.Model, line.StartedAt, most.prompt, most.output)
	line.CostEstimated = most != bounds{}
}

// mayBill says whether the provider may bill an attempt that failed so and told no usage.
func (e *Error) mayBill() bool {
	switch e.Outcome {
	case sluice.OutcomeTimeout, sluice.OutcomeBroken, sluice.OutcomeCanceled, sluice.OutcomeBlocked:
		return e.Sent
	}
	return false
}
