package stagetest

import (
	"context"

	"sluice"
	"sluice/llm"
)

// Quick is a model for benchmarks: it says the same to everybody, and keeps nothing on record.
type Quick string

// Call is llm.Caller's.
func (q Quick) Call(_ context.Context, p llm.Purpose, req llm.Request) (llm.Response, []sluice.Call, error) {
	line := sluice.Call{
		ID: "abcdefghijklmnopqrstuvwx23", Stage: p.Stage, QueryKey: p.QueryKey, Tenant: p.Tenant, Pair: p.Pair, Arm: p.Arm, Tier: p.Tier,
		Provider: "quick", Model: req.Model, Attempt: 1, Usage: sluice.Usage{Prompt: 100, Output: 20}, Cost: 42, PriceVersion: "always-12345678",
		Outcome: sluice.OutcomeOK,
	}
	return llm.Response{Text: string(q), CallID: line.ID}, []sluice.Call{line}, nil
}
