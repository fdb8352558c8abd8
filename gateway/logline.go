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

	mu    sync.Mutex
	w     io.Writer
	line  object.Writer
	lines []byte // that are not written yet
}

// together is how many bytes are written at once where there are more lines: a pipe takes so many as a whole, whoever
// else writes to it.
const together = 4 << 10

// NewLines writes to w, whole lines with each Write.
func NewLines(w io.Writer, texts bool) *Lines { return &Lines{w: w, texts: texts} }

// Observe adds the line to those that Flush writes.
func (l *Lines) Observe(d *sluice.Decision) {
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
	if len(l.lines)+len(l.line) > together {
		l.write()
	}
	l.lines = append(l.lines, l.line...)
}

// Flush writes the lines that were not written yet.
func (l *Lines) Flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.write()
}

// write writes them. The caller holds mu.
func (l *Lines) write() {
	if len(l.lines) > 0 {
		_, _ = l.w.Write(l.lines) // a log that is full stops no request
	}
	l.lines = l.lines[:0]
}
