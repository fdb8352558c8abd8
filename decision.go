package sluice

import "time"

// Decision is the fact that the gateway routed one request: what the router said, which rule chose the
// model, how the call ended and what it cost (Invariant 6). Whatever became of a request that reached a
// model, it is one decision, once.
type Decision struct {
	ID    string `json:"id"`
	Query Query  `json:"query"`
	// API is the dialect that the client spoke: "openai.chat", "openai.responses", "gemini", "nats", "cli".
	API string `json:"api,omitempty"`
	// Requested is the model that the client named: "auto", or an explicit one, which no router chose.
	Requested string `json:"requested,omitempty"`
	// KeyID names the virtual API key; it is no secret.
	KeyID string `json:"key_id,omitempty"`
	// Conversation names the conversation that the request belongs to, where the client gave one.
	Conversation string `json:"conversation,omitempty"`

	Policy    Policy `json:"policy"`
	Reasoning string `json:"reasoning,omitempty"`
	// ReasoningSource is "generated", "template" or "none".
	ReasoningSource string `json:"reasoning_source"`
	// Probabilities are the router's, calibrated; they add up to 1. Empty where no router decided.
	Probabilities map[Policy]float64 `json:"probabilities,omitempty"`
	// Threshold is the cost-quality knob in force: P(Complex) at or above it asks for the large model.
	Threshold float64 `json:"threshold,omitempty"`
	// RouterVersion is the version of the router that decided, "static" where the static map did.
	RouterVersion string `json:"router_version"`
	// RouterFault says why the static map decided instead of the router: "deadline", "unparseable",
	// "unavailable", "too_long". Empty: it did not.
	RouterFault string `json:"router_fault,omitempty"`
	// Canary is true where a candidate version decided for its share of the traffic.
	Canary bool `json:"canary,omitempty"`
	// Shadow is what a candidate would have decided; nil where none was asked.
	Shadow *Shadow `json:"shadow,omitempty"`
	// Features are the numbers of the query that rules and drift look at, by name.
	Features map[string]float64 `json:"features,omitempty"`

	// Model is the one that answered, or was asked last; Tier its role in the pair, empty for others.
	Model string `json:"model"`
	Tier  Tier   `json:"tier,omitempty"`
	// Rule is the rule of the policy mapper that fired, and RuleReason why.
	Rule         string `json:"rule"`
	RuleReason   string `json:"rule_reason,omitempty"`
	RulesVersion string `json:"rules_version"`
	// Fallbacks lists the models that were asked before Model, in order.
	Fallbacks []string `json:"fallbacks,omitempty"`

	// DecidedAt is when the request came in (UTC).
	DecidedAt time.Time `json:"decided_at"`
	// RouterUS is what the router took, microseconds; LatencyMS what the whole request took; ModelMS the
	// model's share of that; FirstTokenMS the time to the first token of a stream, 0 for none.
	RouterUS     int64 `json:"router_us"`
	ModelMS      int64 `json:"model_ms,omitempty"`
	FirstTokenMS int64 `json:"first_token_ms,omitempty"`
	LatencyMS    int64 `json:"latency_ms"`
	Streamed     bool  `json:"streamed,omitempty"`

	// Usage and Cost add up every attempt of the request.
	Usage         Usage    `json:"usage"`
	Cost          MicroUSD `json:"cost_microusd"`
	CostEstimated bool     `json:"cost_estimated,omitempty"`
	Outcome       Outcome  `json:"outcome"`
	// Status is the HTTP status that the client saw; Error says what went wrong, without secrets or text.
	Status int    `json:"status,omitempty"`
	Error  string `json:"error,omitempty"`
	// Calls are the request's lines of the ledger, one for every attempt, in order; CallIDs are their ids. The
	// stage monitor enters them into CALLS: one message keeps a decision and its cents together.
	Calls   []Call   `json:"calls,omitempty"`
	CallIDs []string `json:"call_ids,omitempty"`
	// Answer is what the client got, redacted as configured; empty where it is not kept.
	Answer string `json:"answer,omitempty"`
}

// Shadow is the decision of a candidate router that was recorded and not used.
type Shadow struct {
	RouterVersion string             `json:"router_version"`
	Policy        Policy             `json:"policy"`
	Probabilities map[Policy]float64 `json:"probabilities,omitempty"`
	RouterUS      int64              `json:"router_us"`
	// Fault is why it did not decide; empty where it did.
	Fault string `json:"fault,omitempty"`
}

// Feedback is the fact that somebody, or a judge, said how good the answer of a decision was.
type Feedback struct {
	ID         string `json:"id"`
	DecisionID string `json:"decision_id"`
	Tenant     string `json:"tenant,omitempty"`
	// Source is "client", or "judge" for a sampled decision that the offline ring judged.
	Source string `json:"source"`
	// Thumb is "up", "down" or empty.
	Thumb string `json:"thumb,omitempty"`
	// Score is from 0 (useless) to 1 (perfect); nil where none was given.
	Score *float64 `json:"score,omitempty"`
	// Correction is the answer that should have been given; Comment is free text.
	Correction string    `json:"correction,omitempty"`
	Comment    string    `json:"comment,omitempty"`
	GivenAt    time.Time `json:"given_at"`
}

// Alert is the fact that something that operators watch went out of its bounds, or came back.
type Alert struct {
	ID string `json:"id"`
	// Rule names what is watched: "budget_burn", "drift", "error_rate", "latency_p99", "calibration"; or what
	// happened once: "canary_rollback", "rules_refused", "budget_warning", "spool_broken".
	Rule string `json:"rule"`
	// Subject says whose it is: a tenant, a model, a feature; empty for all.
	Subject string `json:"subject,omitempty"`
	// Severity is "warning" or "critical".
	Severity string `json:"severity"`
	Message  string `json:"message"`
	// Value is above Limit where the alert is raised. What happened once has neither, and is never cleared.
	Value float64 `json:"value"`
	Limit float64 `json:"limit"`
	// Cleared is true where the value came back within its bounds.
	Cleared  bool      `json:"cleared,omitempty"`
	RaisedAt time.Time `json:"raised_at"`
}
