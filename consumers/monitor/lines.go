package monitor

import (
	"context"
	"log/slog"
	"time"

	"sluice"
)

// What of an answer is logged.
const (
	LogOff      = "off"      // no line a decision at all
	LogRedacted = "redacted" // every field but the answer
	LogFull     = "full"     // the answer too
)

// Redacted stands for an answer that is not logged.
const Redacted = "[redacted]"

// Lines writes one structured line a decision, then passes on what it heard.
type Lines struct {
	Observer
	// Log takes the lines.
	Log *slog.Logger
	// Answers is [LogOff], [LogRedacted] or [LogFull].
	Answers string
}

// Decided logs the decision. The query was scrubbed before it was published.
func (l Lines) Decided(at time.Time, d *sluice.Decision) {
	if l.Answers != LogOff {
		answer := d.Answer
		if l.Answers != LogFull && answer != "" {
			answer = Redacted
		}
		l.Log.LogAttrs(context.Background(), slog.LevelInfo, "decision", //nolint:forbidigo // a line belongs to no request
			slog.String("timestamp", d.DecidedAt.UTC().Format(time.RFC3339Nano)),
			slog.String("query", d.Query.Text),
			slog.String("policy", string(d.Policy)),
			slog.String("model", d.Model),
			slog.String("reasoning", d.Reasoning),
			slog.Int64("latency_ms", d.LatencyMS),
			slog.Float64("cost_usd", float64(d.Cost)/1e6),
			slog.String("answer", answer),
			slog.String("decision_id", d.ID),
			slog.String("tenant", d.Query.Tenant),
			slog.String("rule", d.Rule),
			slog.String("outcome", string(d.Outcome)))
	}
	l.Observer.Decided(at, d)
}
