package gateway_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/gateway"
	"sluice/internal/gatetest"
	"sluice/llm"
	"sluice/routing/rules"
)

// rotten is a model that panics once its intent is written, and, as it is told, after some of its reply or its end.
type rotten struct {
	ends, speaks bool
}

func (m rotten) Chat(ctx context.Context, o llm.ChainOptions, _ llm.ChatRequest, hooks llm.Hooks, sink func(llm.Chunk) error) (llm.ChainResult, error) {
	call := sluice.Call{ID: "call", Stage: "gateway", Provider: "gemini", Model: o.Models[0], StartedAt: time.Now().UTC(), Cost: 700, CostEstimated: true, PriceVersion: "v"}
	if err := hooks.Begin(ctx, call); err != nil {
		return llm.ChainResult{}, err
	}
	if m.speaks {
		_ = sink(llm.Chunk{Model: call.Model, Text: "Yes"})
	}
	if m.ends {
		call.Outcome, call.Cost = sluice.OutcomeOK, 30
		hooks.End(ctx, call)
	}
	panic("ouch")
}

func TestARequestThatPanicsIsAnsweredAndAccountedFor(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		models rotten
		stream string
		status int
		says   string
		cost   sluice.MicroUSD
	}{
		"at the model":    {rotten{}, "", 500, `"internal_error"`, 700},
		"after the model": {rotten{ends: true}, "", 500, `"internal_error"`, 30},
		"in a stream":     {rotten{speaks: true}, `,"stream":true`, 200, `data: {"error":`, 700},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			b, panics := &one{left: 1e6}, &gateway.Panics{Log: slog.New(slog.NewTextHandler(&log, nil))}
			r := gatetest.Start(t, func(p *gatetest.Plan) { p.Gateway.Budgets, p.Gateway.Models, p.Gateway.Panics = b, c.models, panics })
			if text := status(t, r.Post(t, completions, chat("auto", "Who?", c.stream)), c.status); !strings.Contains(text, c.says) || strings.Contains(text, "[DONE]") {
				t.Errorf("the client is told %s", text)
			}
			if len(b.open) != 0 || b.left != 1e6-c.cost {
				t.Errorf("reserved still %v, left %d", b.open, b.left)
			}
			d, lines := r.Decisions(t), r.Lines(t)
			if len(d) != 1 || d[0].Status != 500 || d[0].Outcome != sluice.OutcomeServerError || d[0].Cost != c.cost || len(lines) != 1 || lines[0].Cost != c.cost {
				t.Errorf("decisions %+v, lines %+v", d, lines)
			}
			if s := r.Spool.Stats(); s.Open != 0 || r.Pipeline.InHand() != 0 {
				t.Errorf("still open: %+v, %d in hand", s, r.Pipeline.InHand())
			}
			if panics.Count() != 1 || !strings.Contains(log.String(), "ouch") || !strings.Contains(log.String(), "panics_test.go") {
				t.Errorf("%d counted, log %s", panics.Count(), log.String())
			}
		})
	}
}

// unruly rules panic.
type unruly struct{}

func (unruly) Version() string               { return "unruly" }
func (unruly) Map(rules.Facts) rules.Outcome { panic("ouch") }

func TestAPanicBeforeADecisionIsAFaultAndCostsNothing(t *testing.T) {
	t.Parallel()
	panics := &gateway.Panics{}
	r := gatetest.Start(t, func(p *gatetest.Plan) { p.Gateway.Rules, p.Gateway.Panics = unruly{}, panics })
	for _, path := range []string{completions, "/v1/route"} {
		body := chat("auto", "Who?", "")
		if path != completions {
			body = `{"query":"Who?"}`
		}
		if text := status(t, r.Post(t, path, body), 500); !strings.Contains(text, `"internal_error"`) {
			t.Errorf("%s: %s", path, text)
		}
	}
	if n := len(r.Decisions(t)); n != 0 || panics.Count() != 2 || r.Pipeline.InHand() != 0 {
		t.Errorf("%d decisions, %d panics, %d in hand", n, panics.Count(), r.Pipeline.InHand())
	}
}

// crumbling is a spool that panics at an intent.
type crumbling struct{ full }

func (crumbling) Begin(string, []byte) error { panic("ouch") }

func TestAPanicBetweenReservationAndIntentGivesTheMoneyBack(t *testing.T) {
	t.Parallel()
	b := &one{left: 1e9}
	r := gatetest.Start(t, func(p *gatetest.Plan) { p.Gateway.Budgets, p.Gateway.Spool = b, crumbling{} })
	status(t, r.Post(t, completions, chat("auto", "Who?", "")), 500)
	if len(b.open) != 0 || b.left != 1e9 {
		t.Errorf("reserved still %v, left %d", b.open, b.left)
	}
}
