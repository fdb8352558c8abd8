package gateway

import (
	"io"
	"sync"
	"time"

	"sluice"
	"sluice/object"
)

// Lines writes one line of JSON for every request that was decided on: what an operator greps for. It is an
// [Observer]. The line is put together here, since a logger that knows nothing of its fields takes three times
// as long.
type Lines struct {
	// texts has lines hold query, reasoning and answer; otherwise they hold their lengths.
	texts bool

	mu   sync.Mutex
	w    io.Writer
	line object.Writer
}

// NewLines writes to w, one Write a line.
func NewLines(w io.Writer, texts bool) *Lines { return &Lines{w: w, texts: texts} }

// Observe writes the line.
func (l *Lines) Observe(d *sluice.Decision, _ []sluice.Call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.line[:0]
	w.Begin()
	w.Text("timestamp", time.Now().UTC().Format(time.RFC3339Nano))
	w.Text("msg", "decision")
	if l.texts {
		w.Text("query", d.Query.Text)
		w.Text("reasoning", d.Reasoning)
		w.Text("answer", d.Answer)
	} else {
		w.Whole("query_bytes", int64(len(d.Query.Text)))
		w.Whole("answer_bytes", int64(len(d.Answer)))
	}
	w.Text("decision_id", d.ID)
	w.Text("policy", string(d.Policy))
	w.Text("model", d.Model)
	w.Whole("latency_ms", d.LatencyMS)
	w.Fraction("cost_usd", float64(d.Cost)/1e6)
	w.Text("rule", d.Rule)
	w.Text("router_version", d.RouterVersion)
	w.Text("rules_version", d.RulesVersion)
	w.Text("api", d.API)
	w.Text("tenant", d.Query.Tenant)
	w.Text("key_id", d.KeyID)
	w.Text("outcome", string(d.Outcome))
	w.Whole("status", int64(d.Status))
	w.TextIf("error", d.Error)
	w.TextIf("router_fault", d.RouterFault)
	w.End()
	l.line = append(w, '\n')
	_, _ = l.w.Write(l.line) // a log that is full stops no request
}
