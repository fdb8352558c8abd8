package sluice

import "time"

// Decision is the fact that the gateway routed one request: what the router said, which rule chose
// the model, and what it cost (Invariant 6).
type Decision struct {
	ID        string `json:"id"`
	Query     Query  `json:"query"`
	Policy    Policy `json:"policy"`
	Reasoning string `json:"reasoning,omitempty"`
	// ReasoningSource is "generated", "template" or "none".
	ReasoningSource string             `json:"reasoning_source"`
	Probabilities   map[Policy]float64 `json:"probabilities,omitempty"`
	Model           string             `json:"model"`
	// Rule is the rule of the policy mapper that fired, and RuleReason why.
	Rule          string    `json:"rule"`
	RuleReason    string    `json:"rule_reason,omitempty"`
	RouterVersion string    `json:"router_version"`
	RulesVersion  string    `json:"rules_version"`
	DecidedAt     time.Time `json:"decided_at"`
	RouterUS      int64     `json:"router_us"`
	LatencyMS     int64     `json:"latency_ms"`
	Cost          MicroUSD  `json:"cost_microusd"`
	CostEstimated bool      `json:"cost_estimated,omitempty"`
	Outcome       Outcome   `json:"outcome"`
	CallIDs       []string  `json:"call_ids,omitempty"`
}
