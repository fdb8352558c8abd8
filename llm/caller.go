package llm

import (
	"context"
	"errors"
	"fmt"

	"sluice"
	"sluice/pricing"
)

// Caller asks models within their limits and keeps the ledger's lines. Make one with [New]; it is safe
// for use by many goroutines and owns none.
type Caller struct {
	models  map[string]*model
	prices  pricing.Table
	deps    Deps
	closers []func()
}

// Close closes idle connections. Calls under way are not harmed.
func (c *Caller) Close() {
	for _, closer := range c.closers {
		closer()
	}
}

// Call asks req.Model for one reply, trying again as the model's limits allow, and returns a line for
// every attempt, success or not: store them all. The response names the line that bought it.
//
// The error is one that a stage may return as it is:
//   - [sluice.ClassTerminal]: the request is too large, was refused (400) or blocked: it never will do.
//   - [sluice.ClassWait]: the server asked for a longer wait, the circuit breaker is open, the spending
//     cap is reached, or the key or model name was refused, which is the operator's to mend and must not
//     empty the queue into the dead letters. No attempt of the message is spent.
//   - [sluice.ClassInterrupted]: ctx was canceled. The line of the attempt under way is returned too.
//   - [sluice.ClassRetryable]: every attempt failed, or ctx's deadline has come.
func (c *Caller) Call(ctx context.Context, p Purpose, req Request) (Response, []sluice.Call, error) {
	m := c.models[req.Model]
	if m == nil {
		return Response{}, nil, fmt.Errorf("call %s: no such model is configured; add it to models", req.Model)
	}
	if size := len(req.System) + len(req.Prompt) + len(req.Schema); size > m.cfg.MaxInputBytes {
		return Response{}, nil, sluice.Terminalf(sluice.ReasonTooLarge, "call %s: the request has %d bytes, at most %d are sent (max_input_bytes)",
			req.Model, size, m.cfg.MaxInputBytes)
	}
	if limit := m.cfg.MaxOutputTokens; limit > 0 && (req.MaxOutputTokens == 0 || req.MaxOutputTokens > limit) {
		req.MaxOutputTokens = limit
	}
	var lines []sluice.Call
	for attempt := 1; ; attempt++ {
		lines = append(lines, sluice.Call{})
		line := &lines[attempt-1]
		resp, err := c.attempt(ctx, m, p, req, attempt, line)
		if err == nil {
			resp.CallID = line.ID
			return resp, lines, nil
		}
		var failed *Error
		if !errors.As(err, &failed) { // never started: the error is classed already
			return Response{}, lines[:attempt-1], fmt.Errorf("call %s: %w", req.Model, err)
		}
		pause, final := settle(ctx, failed, attempt, attempt >= m.cfg.MaxAttempts, c.deps.Jitter)
		if final == nil {
			final = sleep(ctx, pause)
		}
		if final != nil {
			return Response{}, lines, fmt.Errorf("call %s: attempt %d: %w", req.Model, attempt, final)
		}
	}
}

// attempt makes one attempt and writes its line. Where the provider was not asked the error is no *Error, and the
// line none.
func (c *Caller) attempt(ctx context.Context, m *model, p Purpose, req Request, n int, line *sluice.Call) (Response, error) {
	t, err := c.start(ctx, m, p, visit{p.Tenant, requestBytes(req), endless}, n, line)
	if err != nil {
		return Response{}, err
	}
	defer t.stop()
	most := bounds{prompt: BoundTokens(requestBytes(req))}
	t.note(bounds{most.prompt, mostOutput(req)})
	actx, cancel := context.WithTimeout(ctx, m.cfg.Timeout)
	defer cancel()
	resp, err := m.provider.Generate(actx, req)
	failed := asError(actx, err)
	if failed == nil {
		most.output = int64(len(resp.Text))
	}
	t.end(resp.Usage, failed, most)
	t.noteEnd()
	if failed != nil {
		return Response{}, failed
	}
	return resp, nil
}

// asError is err as an *Error; nil stays nil.
func asError(ctx context.Context, err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	// A provider that breaks its promise: nothing is known but that it was asked.
	ex := &exchange{}
	ex.sent.Store(true)
	return breakdown(ctx, ex, err)
}

// healthOf tells what a failed attempt (nil: a successful one) says of the server.
func healthOf(e *Error) health {
	switch {
	case e == nil:
		return well
	case e.Outcome == sluice.OutcomeCanceled:
		return unknown
	case e.Outcome == sluice.OutcomeServerError, e.Outcome == sluice.OutcomeTimeout, e.Outcome == sluice.OutcomeBroken, e.Setup:
		return sick
	}
	return well
}
