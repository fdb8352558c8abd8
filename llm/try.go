package llm

import (
	"context"
	"time"

	"sluice"
	"sluice/telemetry"
)

// try is an attempt that was admitted, from its slot to its line.
type try struct {
	c     *Caller
	m     *model // nil once it is over
	probe bool   // of the model's breaker
	line  *sluice.Call
	began time.Time
	span  *telemetry.Span
}

// start waits for the model's limits and begins the line of the n-th attempt. Whoever started it calls
// end, and stop in any case.
func (c *Caller) start(ctx context.Context, m *model, p Purpose, v visit, n int, line *sluice.Call) (try, error) {
	probe, err := m.admit(ctx, v, c.deps)
	if err != nil {
		return try{}, err
	}
	now := time.Now()
	*line = sluice.Call{
		ID: c.deps.NewID(), Stage: p.Stage, QueryKey: p.QueryKey, Tenant: p.Tenant, Pair: p.Pair, Arm: p.Arm, Tier: p.Tier,
		Provider: m.provider.Name(), Model: m.cfg.Model, Attempt: n, StartedAt: now.UTC().Truncate(time.Microsecond),
	}
	return try{c: c, m: m, probe: probe, line: line, began: now, span: telemetry.Call(ctx, m.cfg.Model)}, nil
}

// note tells the journal that the attempt is about to be made, at the most that it can cost.
func (t *try) note(most bounds) {
	if t.c.deps.Journal == nil {
		return
	}
	// New saw to it that the model has a price.
	t.line.Cost, t.line.PriceVersion, _ = t.c.prices.Bound(t.line.Model, t.line.StartedAt, most.prompt, most.output)
	t.c.deps.Journal.Begin(t.line)
	t.line.Cost = 0 // what it did cost, its end says
}

// noteEnd tells the journal what became of an attempt that it was told of.
func (t *try) noteEnd() {
	if t.c.deps.Journal != nil {
		t.c.deps.Journal.End(t.line)
	}
}

// end prices the line and gives the slot back. failed is nil for a success.
func (t *try) end(usage sluice.Usage, failed *Error, most bounds) {
	t.line.LatencyMS = time.Since(t.began).Milliseconds()
	t.m.leave(t.probe, healthOf(failed))
	t.m = nil
	t.c.bill(t.line, usage, failed, most)
	t.c.deps.Spend.add(t.line.Cost)
	t.span.Called(t.line)
	t.span.End(nil)
}

// stop gives the slot back where end was never reached: nobody was asked, or somebody panicked.
func (t *try) stop() {
	if t.m != nil {
		t.m.leave(t.probe, unknown)
		t.span.Fail("unasked")
		t.span.End(nil)
	}
}
