package llm

import "sluice"

// bill fills in how an attempt ended and what it cost.
//
// Usage that the provider told is priced, whatever the outcome. Where none arrived though the provider
// may bill (a timeout, a broken reply, a call given up, once the request was on its way; or a server
// that tells no usage) the cost is an upper bound of the prompt's price, and CostEstimated says so. What
// the model may have written by then is not in it: its only bound is the output limit, which is up to a
// hundred times what replies have. A request that was refused, rate limited, answered by a server error
// or never sent costs nothing.
func (c *Caller) bill(line *sluice.Call, req Request, resp Response, failed *Error) {
	line.Outcome = sluice.OutcomeOK
	usage, told := resp.Usage, resp.Usage != sluice.Usage{}
	mayBill := sluice.Usage{Prompt: BoundTokens(requestBytes(req)), Output: int64(len(resp.Text))}
	if failed != nil {
		line.Outcome, line.Error = failed.Outcome, failed.Error()
		usage, told = sluice.Usage{}, failed.Usage != nil
		if told {
			usage = *failed.Usage
		}
		mayBill = sluice.Usage{}
		if failed.Sent {
			switch failed.Outcome {
			case sluice.OutcomeTimeout, sluice.OutcomeBroken, sluice.OutcomeCanceled, sluice.OutcomeBlocked:
				mayBill.Prompt = BoundTokens(requestBytes(req))
			}
		}
	}
	if told {
		cost, version, err := c.prices.Price(req.Model, line.StartedAt, usage)
		if err == nil {
			line.Usage, line.Cost, line.PriceVersion = usage, cost, version
			return
		}
		// Impossible counts: as good as none told.
	}
	// New saw to it that the model has a price.
	line.Cost, line.PriceVersion, _ = c.prices.Price(req.Model, line.StartedAt, mayBill)
	line.CostEstimated = mayBill != sluice.Usage{}
}
