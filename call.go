package sluice

import (
	"fmt"
	"time"
)

// MicroUSD is money: millionths of a US dollar.
type MicroUSD int64

// String writes dollars with six decimals: "$0.001234".
func (m MicroUSD) String() string {
	sign := ""
	if m < 0 {
		sign, m = "-", -m
	}
	return fmt.Sprintf("%s$%d.%06d", sign, m/1_000_000, m%1_000_000)
}

// Usage counts the tokens of one provider call. The kinds do not overlap except that Cached is a part
// of Prompt.
type Usage struct {
	// Prompt counts all input tokens, cached ones included.
	Prompt int64 `json:"prompt"`
	// Cached counts the input tokens that were served from the provider's cache.
	Cached int64 `json:"cached,omitempty"`
	// Output counts the tokens of the visible reply.
	Output int64 `json:"output"`
	// Thoughts counts thinking tokens; they are billed as output.
	Thoughts int64 `json:"thoughts,omitempty"`
}

// Outcome is how a provider call ended.
type Outcome string

// The outcomes.
const (
	OutcomeOK          Outcome = "ok"
	OutcomeRateLimited Outcome = "rate_limited" // 429
	OutcomeRefused     Outcome = "refused"      // 400, 401, 403, 404
	OutcomeBlocked     Outcome = "blocked"      // safety block or no candidate
	OutcomeServerError Outcome = "server_error" // 5xx
	OutcomeTimeout     Outcome = "timeout"      // our deadline
	OutcomeBroken      Outcome = "broken"       // connection reset, cut stream, garbage
	OutcomeCanceled    Outcome = "canceled"     // we gave up: shutdown or client gone
)

// StageGateway is the Stage of a gateway's calls.
const StageGateway = "gateway"

// Call is one provider call: a line of the ledger. Every stage that calls a model, the gateway
// included, publishes one for every attempt, whatever became of it.
type Call struct {
	// ID is minted before the call.
	ID string `json:"id"`
	// Stage is who asked: "answer", "judge", "analysis", "gateway".
	Stage    string `json:"stage"`
	QueryKey string `json:"query_key,omitempty"`
	Tenant   string `json:"tenant,omitempty"`
	// KeyID names the virtual API key of a gateway's call; it is no secret.
	KeyID string `json:"key_id,omitempty"`
	Pair  string `json:"pair,omitempty"`
	Arm   Arm    `json:"arm,omitempty"`
	// Tier is set by the answer stage and the gateway only.
	Tier     Tier   `json:"tier,omitempty"`
	Provider string `json:"provider"`
	Model    string `json:"model"`
	// Attempt counts from 1 within one request of a stage.
	Attempt   int       `json:"attempt"`
	StartedAt time.Time `json:"started_at"`
	LatencyMS int64     `json:"latency_ms"`
	Usage     Usage     `json:"usage"`
	// Cost is priced by the table of PriceVersion at StartedAt.
	Cost         MicroUSD `json:"cost_microusd"`
	PriceVersion string   `json:"price_version"`
	// CostEstimated is true where the provider's usage never arrived, so that Cost is our own bound.
	CostEstimated bool    `json:"cost_estimated,omitempty"`
	Outcome       Outcome `json:"outcome"`
	// Error says what went wrong; never holds a secret or an answer.
	Error string `json:"error,omitempty"`
}
