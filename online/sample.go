package online

import (
	"time"

	"sluice"
)

// How a query was chosen to be labelled.
const (
	// Evenly is by lot: what is measured on these holds for all traffic.
	Evenly = "evenly"
	// ByUncertainty is for the router's hesitation: what teaches most.
	ByUncertainty = "uncertainty"
)

// Plan bounds how much of the traffic is labelled.
type Plan struct {
	// Now is the time; Lookback how far back queries are chosen from.
	Now      time.Time
	Lookback time.Duration
	// Share of all routed queries is labelled, of which Even by lot and the rest by uncertainty.
	Share, Even float64
	// PerDay and SpendPerDay bound the day (UTC): queries, and what they are expected to cost.
	PerDay      int
	SpendPerDay sluice.MicroUSD
	// CostEach is what labelling one query is expected to cost where the ledger can't tell yet.
	CostEach sluice.MicroUSD
	// OptedOut lists tenants whose queries never leave.
	OptedOut []string
	// MaxBytes is the longest query that the offline ring lets in.
	MaxBytes int
}

// Candidate is a decision that may be sampled.
type Candidate struct {
	DecisionID          string
	DecidedAt           time.Time
	Tenant, QueryID     string
	Text                string
	ChosenBy            string
	Threshold, PComplex float64
}

// Sample is a query that was chosen.
type Sample struct {
	QueryKey, ChosenBy string
	Candidate
}

// Labelling is how much of the day's labelling budget is used.
type Labelling struct {
	Chosen int64
	Spent  sluice.MicroUSD
}
