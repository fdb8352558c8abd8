package gateway

import (
	"fmt"
	"time"

	"sluice"
	"sluice/gateway/budget"
	"sluice/gateway/spool"
	"sluice/streams"
)

// Settled is the end of a request whose gateway was killed.
type Settled struct {
	ID    string
	Facts []streams.Message
	// Spends are its calls, to be booked in the budgets.
	Spends []budget.Spend
}

// killed is what decisions and lines say that a killed gateway left.
const killed = "the gateway was killed while the model was asked; settled at what was reserved"

// Settle ends what a killed gateway left: an attempt without an end costs what was reserved for it, which
// is never below what the provider may bill, and is marked as estimated.
func Settle(left spool.Leftover, now time.Time) (Settled, error) {
	out := Settled{ID: left.ID}
	var d sluice.Decision
	var lines []sluice.Call
	ended := map[string]bool{}
	for i, data := range left.Intents {
		decision, call, before, err := decodeIntent(data)
		if err != nil {
			return out, fmt.Errorf("settle %s: intent %d: %w", left.ID, i+1, err)
		}
		d = decision
		for _, l := range before {
			ended[l.ID] = true
			lines = append(lines, l)
		}
		call.CostEstimated, call.Outcome, call.Error = true, sluice.OutcomeBroken, killed
		lines = append(lines, call)
	}
	lines = withoutOpen(lines, ended)
	d.Outcome, d.Status, d.Error = sluice.OutcomeBroken, 0, killed
	d.LatencyMS = now.Sub(d.DecidedAt).Milliseconds()
	sum(&d, lines)
	for _, l := range lines {
		out.Spends = append(out.Spends, SpendOf(l))
	}
	fact, err := streams.TakenFact(d)
	out.Facts = []streams.Message{fact}
	return out, err
}

// withoutOpen leaves out the open line of every call that has an ended one.
func withoutOpen(lines []sluice.Call, ended map[string]bool) []sluice.Call {
	var out []sluice.Call
	for _, l := range lines {
		if l.Error != killed || !ended[l.ID] {
			out = append(out, l)
		}
	}
	return out
}

// SpendOf is a line of the ledger as the budgets book it.
func SpendOf(l sluice.Call) budget.Spend {
	return budget.Spend{Cost: l.Cost, Claim: budget.Claim{
		ID: l.ID, Tenant: l.Tenant, KeyID: l.KeyID, Model: l.Model, Amount: l.Cost, At: l.StartedAt,
	}}
}
