package stagetest

import (
	"context"
	"fmt"
	"sync"

	"sluice"
	"sluice/llm"
)

// Models stands in for llm.Caller.
type Models struct {
	// Reply is what a model says, or the error that the caller makes of its failure.
	Reply func(p llm.Purpose, req llm.Request) (string, error)

	mu    sync.Mutex
	asked []Ask
}

// Ask is one call that was made.
type Ask struct {
	Purpose llm.Purpose
	Request llm.Request
}

// Call asks Reply and mints a line of the ledger, whatever becomes of it.
func (m *Models) Call(ctx context.Context, p llm.Purpose, req llm.Request) (llm.Response, []sluice.Call, error) {
	m.mu.Lock()
	m.asked = append(m.asked, Ask{p, req})
	n := len(m.asked)
	m.mu.Unlock()
	line := sluice.Call{
		ID: sluice.HashID("call", fmt.Sprint(n)), Stage: p.Stage, QueryKey: p.QueryKey, Tenant: p.Tenant, Pair: p.Pair, Arm: p.Arm,
		Tier: p.Tier, Provider: "fake", Model: req.Model, Attempt: 1, Outcome: sluice.OutcomeOK, Cost: 1,
	}
	if err := ctx.Err(); err != nil {
		line.Outcome = sluice.OutcomeCanceled
		return llm.Response{}, []sluice.Call{line}, err
	}
	text, err := m.Reply(p, req)
	if err != nil {
		line.Outcome = sluice.OutcomeServerError
		return llm.Response{}, []sluice.Call{line}, err
	}
	return llm.Response{Text: text, FinishReason: "STOP", CallID: line.ID}, []sluice.Call{line}, nil
}

// Asked lists the calls so far, in no order where they were made at once.
func (m *Models) Asked() []Ask {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]Ask(nil), m.asked...)
}
