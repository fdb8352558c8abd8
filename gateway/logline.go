package gateway

import (
	"context"
	"io"
	"log/slog"

	"sluice"
)

// Lines writes one line of JSON for every request that was decided on: what an operator greps for. It is an
// [Observer].
type Lines struct {
	log *slog.Logger
	// texts has lines hold query, reasoning and answer; otherwise they hold their lengths.
	texts bool
}

// NewLines writes to w, one Write a line.
func NewLines(w io.Writer, texts bool) *Lines {
	h := slog.NewJSONHandler(w, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) > 0 {
			return a
		}
		switch a.Key {
		case slog.TimeKey:
			a.Key = "timestamp"
			a.Value = slog.TimeValue(a.Value.Time().UTC())
		case slog.LevelKey:
			return slog.Attr{}
		}
		return a
	}})
	return &Lines{log: slog.New(h), texts: texts}
}

// Observe writes the line.
func (l *Lines) Observe(d *sluice.Decision, _ []sluice.Call) {
	attrs := make([]slog.Attr, 0, 20)
	if l.texts {
		attrs = append(attrs, slog.String("query", d.Query.Text), slog.String("reasoning", d.Reasoning), slog.String("answer", d.Answer))
	} else {
		attrs = append(attrs, slog.Int("query_bytes", len(d.Query.Text)), slog.Int("answer_bytes", len(d.Answer)))
	}
	attrs = append(attrs,
		slog.String("decision_id", d.ID), slog.String("policy", string(d.Policy)), slog.String("model", d.Model),
		slog.Int64("latency_ms", d.LatencyMS), slog.Float64("cost_usd", float64(d.Cost)/1e6), slog.String("rule", d.Rule),
		slog.String("router_version", d.RouterVersion), slog.String("rules_version", d.RulesVersion), slog.String("api", d.API),
		slog.String("tenant", d.Query.Tenant), slog.String("key_id", d.KeyID), slog.String("outcome", string(d.Outcome)), slog.Int("status", d.Status),
	)
	if d.Error != "" {
		attrs = append(attrs, slog.String("error", d.Error))
	}
	if d.RouterFault != "" {
		attrs = append(attrs, slog.String("router_fault", d.RouterFault))
	}
	l.log.LogAttrs(context.Background(), slog.LevelInfo, "decision", attrs...) //nolint:forbidigo // a line belongs to no request
}
