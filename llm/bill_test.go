package llm_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/llm"
	"sluice/pricing"
)

// What a failed attempt costs: what the provider told, an estimate where it may bill, else nothing.
func TestCostOfFailedAttempts(t *testing.T) {
	bound := sluice.Usage{Prompt: llm.BoundTokens(int64(len(ask.System) + len(ask.Prompt)))}
	estimate, _, err := pricing.Builtin().Price(flash, time.Now(), bound)
	if err != nil || estimate == 0 {
		t.Fatal(estimate, err)
	}
	told := &sluice.Usage{Prompt: 1000}
	for name, c := range map[string]struct {
		err       llm.Error
		cost      sluice.MicroUSD
		estimated bool
	}{
		"broken after it was sent":    {llm.Error{Outcome: sluice.OutcomeBroken, Sent: true}, estimate, true},
		"canceled after it was sent":  {llm.Error{Outcome: sluice.OutcomeCanceled, Sent: true}, estimate, true},
		"timed out after it was sent": {llm.Error{Outcome: sluice.OutcomeTimeout, Sent: true}, estimate, true},
		"connection refused":          {llm.Error{Outcome: sluice.OutcomeBroken}, 0, false},
		"canceled before it was sent": {llm.Error{Outcome: sluice.OutcomeCanceled}, 0, false},
		"rate limited":                {llm.Error{Outcome: sluice.OutcomeRateLimited, Sent: true}, 0, false},
		"refused":                     {llm.Error{Outcome: sluice.OutcomeRefused, Sent: true}, 0, false},
		"a server error":              {llm.Error{Outcome: sluice.OutcomeServerError, Sent: true}, 0, false},
		"blocked, with usage":         {llm.Error{Outcome: sluice.OutcomeBlocked, Sent: true, Usage: told}, 300, false},
		"broken, with usage":          {llm.Error{Outcome: sluice.OutcomeBroken, Sent: true, Usage: told}, 300, false},
		"blocked, without":            {llm.Error{Outcome: sluice.OutcomeBlocked, Sent: true}, estimate, true},
		"usage that cannot be":        {llm.Error{Outcome: sluice.OutcomeBroken, Sent: true, Usage: &sluice.Usage{Cached: 5}}, estimate, true},
	} {
		caller, _ := caller(t, llm.ModelConfig{MaxAttempts: 1}, llm.Deps{}, fails(c.err))
		_, lines, _ := caller.Call(t.Context(), llm.Purpose{}, ask)
		if len(lines) != 1 || lines[0].Cost != c.cost || lines[0].CostEstimated != c.estimated || lines[0].PriceVersion == "" || lines[0].Outcome != c.err.Outcome {
			t.Errorf("%s: %+v; want %s, estimated %t", name, lines, c.cost, c.estimated)
		}
	}
}

// A server that tells absurd counts of a reply is as good as one that tells none: believed, they would use up a cap, or
// wrap a sum of them round and open it for ever.
func TestCountsThatNoCallCanHaveAreEstimated(t *testing.T) {
	spend := llm.NewSpend(1_000_000, nil)
	for _, usage := range []sluice.Usage{{Prompt: 1 << 62, Output: 1}, {Prompt: 10, Output: 1 << 50}, {Prompt: -10, Output: 5}, {Prompt: 5, Thoughts: -1}} {
		c, _ := caller(t, llm.ModelConfig{}, llm.Deps{Spend: spend}, func(context.Context) (llm.Response, error) {
			return llm.Response{Text: "twelve bytes", Usage: usage}, nil
		})
		_, lines, err := c.Call(t.Context(), llm.Purpose{}, ask)
		want, _, _ := pricing.Builtin().Price(flash, time.Now(), sluice.Usage{Prompt: llm.BoundTokens(25), Output: 12})
		if err != nil || !lines[0].CostEstimated || lines[0].Cost != want || lines[0].Usage != (sluice.Usage{}) {
			t.Errorf("%+v: %+v, %v; want %s", usage, lines, err, want)
		}
	}
}

// A decision and its lines are one message of the log, which a server must not be able to make too large for it.
func TestAServersWordsMakeNoLineLarge(t *testing.T) {
	p := answers(t, 200, `{"candidates":[{"finishReason":"`+strings.Repeat("X", 1<<20)+`"}]}`)["gemini"]
	c, _ := caller(t, llm.ModelConfig{MaxAttempts: 1}, llm.Deps{}, func(ctx context.Context) (llm.Response, error) {
		return p.Generate(ctx, request())
	})
	_, lines, err := c.Call(t.Context(), llm.Purpose{}, ask)
	if len(lines) != 1 || lines[0].Outcome != sluice.OutcomeBlocked || err == nil {
		t.Fatal(lines, err)
	}
	if n := len(lines[0].Error); n < 100 || n > 2<<10 || len(err.Error()) > 4<<10 {
		t.Errorf("the line's error has %d bytes, the caller's %d", n, len(err.Error()))
	}
}

func TestASilentServerIsEstimated(t *testing.T) {
	c, _ := caller(t, llm.ModelConfig{}, llm.Deps{}, func(context.Context) (llm.Response, error) {
		return llm.Response{Text: "twelve bytes"}, nil
	})
	_, lines, err := c.Call(t.Context(), llm.Purpose{}, ask)
	want, _, _ := pricing.Builtin().Price(flash, time.Now(), sluice.Usage{Prompt: llm.BoundTokens(25), Output: 12})
	if err != nil || !lines[0].CostEstimated || lines[0].Cost != want || lines[0].Outcome != sluice.OutcomeOK {
		t.Errorf("%+v, %v; want %s", lines, err, want)
	}
}
