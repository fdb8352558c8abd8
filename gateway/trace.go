package gateway

import (
	"context"

	"sluice"
	"sluice/streams"
	"sluice/telemetry"
)

// describe notes a decision in a span.
func describe(span *telemetry.Span, d *sluice.Decision) {
	span.Set("sluice.decision_id", d.ID)
	span.Set("sluice.policy", string(d.Policy))
	span.Set("sluice.rule", d.Rule)
	span.Set("sluice.model", d.Model)
	span.Set("sluice.router_version", d.RouterVersion)
	span.Set("sluice.router_fault", d.RouterFault)
}

// traced notes a request's end in its span, and makes its fact a part of its trace. Where nobody traces it does
// nothing.
func traced(ctx context.Context, d *sluice.Decision, fact streams.Message) streams.Message {
	span := telemetry.Of(ctx)
	if span == nil {
		return fact
	}
	describe(span, d)
	span.Set("sluice.outcome", string(d.Outcome))
	span.Count("sluice.cost_microusd", int64(d.Cost))
	span.Count("http.response.status_code", int64(d.Status))
	if d.Status >= 500 {
		span.Fail(string(d.Outcome))
	}
	return fact.Continue(span.Parent())
}
