package budget

import (
	"time"

	"sluice"
)

// Claim asks whether a call may be made.
type Claim struct {
	// ID is the call's, minted before it; a claim is settled by it. Unique among the open ones.
	ID string
	// Tenant, KeyID and Model decide which budgets are concerned; an empty one is a name like any other.
	Tenant, KeyID, Model string
	// Amount is the most that the call can cost: the upper bound of its input and the whole of its
	// output, thinking included. Settling more than that is booked, and counted as a fault.
	Amount sluice.MicroUSD
	// At decides the periods (UTC): a call that ends in the next hour was spent in this one.
	At time.Time
	// Downgraded says that Model is already the one to fall back to: budgets that downgrade let it use
	// what is left of them.
	Downgraded bool
	// Own are the budgets of the key itself (keys.Key.Budgets); nil for none.
	Own []Limit
}

// Decision is what a verdict says.
type Decision string

// The decisions. Only the first two reserve the claim's amount.
const (
	OK   Decision = "ok"
	Warn Decision = "warn"
	// Downgrade asks for the medium model: claim again, for that model, with Downgraded set.
	Downgrade Decision = "downgrade"
	Refuse    Decision = "refuse"
)

// Verdict is the answer to a claim.
type Verdict struct {
	Decision Decision
	// Budget names the budget that decided, and Subject whose it is (a tenant, a key's id, a model; empty
	// for a global one). Empty where no budget is concerned.
	Budget, Subject string
	// Left is what that budget has left to spend, as far as this replica knows; Share what is gone of
	// its limit, between 0 and 1.
	Left  sluice.MicroUSD
	Share float64
	// ResetsAt is when that budget starts afresh.
	ResetsAt time.Time
	// Unreachable is true where the claim was refused because the shared state could not be asked, not
	// because the money is gone: a 503 rather than a 429.
	Unreachable bool
}

// Reserved says whether the claim's amount is reserved, so that it must be settled.
func (v Verdict) Reserved() bool { return v.Decision == OK || v.Decision == Warn }

// Spend is what a call cost, as a spool remembers it: see [Keeper.Recover].
type Spend struct {
	Claim
	// Cost is what was or is to be booked.
	Cost sluice.MicroUSD
}

// State is how far one budget is spent, for rules and for people.
type State struct {
	Budget  string `json:"budget"`
	Subject string `json:"subject,omitempty"`
	Scope   Scope  `json:"scope"`
	Period  Period `json:"period"`
	Action  Action `json:"action"`
	// Limit, Spent (settled), Reserved (leased by any replica, whether or not claims hold it) and Left.
	Limit    sluice.MicroUSD `json:"limit_microusd"`
	Spent    sluice.MicroUSD `json:"spent_microusd"`
	Reserved sluice.MicroUSD `json:"reserved_microusd"`
	Left     sluice.MicroUSD `json:"left_microusd"`
	// Share is Spent of Limit.
	Share float64 `json:"share"`
	// BurnRate is Share by the share of the period that has passed: above 1, the budget is gone before
	// its period is. The first twentieth of a period counts as passed.
	BurnRate float64   `json:"burn_rate"`
	ResetsAt time.Time `json:"resets_at"`
}
