package gateway

import (
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"sluice"
)

// Lines writes one line of JSON for every request that was decided on: what an operator greps for. It is an
// [Observer]. The line is put together here, since a logger that knows nothing of its fields takes three times
// as long.
type Lines struct {
	// texts has lines hold query, reasoning and answer; otherwise they hold their lengths.
	texts bool

	mu   sync.Mutex
	w    io.Writer
	line []byte
}

// NewLines writes to w, one Write a line.
func NewLines(w io.Writer, texts bool) *Lines { return &Lines{w: w, texts: texts} }

// Observe writes the line.
func (l *Lines) Observe(d *sluice.Decision, _ []sluice.Call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := append(l.line[:0], `{"timestamp":"`...)
	b = time.Now().UTC().AppendFormat(b, time.RFC3339Nano)
	b = append(b, `","msg":"decision"`...)
	if l.texts {
		b = textField(b, "query", d.Query.Text)
		b = textField(b, "reasoning", d.Reasoning)
		b = textField(b, "answer", d.Answer)
	} else {
		b = wholeField(b, "query_bytes", int64(len(d.Query.Text)))
		b = wholeField(b, "answer_bytes", int64(len(d.Answer)))
	}
	b = textField(b, "decision_id", d.ID)
	b = textField(b, "policy", string(d.Policy))
	b = textField(b, "model", d.Model)
	b = wholeField(b, "latency_ms", d.LatencyMS)
	b = strconv.AppendFloat(append(b, `,"cost_usd":`...), float64(d.Cost)/1e6, 'f', 6, 64)
	b = textField(b, "rule", d.Rule)
	b = textField(b, "router_version", d.RouterVersion)
	b = textField(b, "rules_version", d.RulesVersion)
	b = textField(b, "api", d.API)
	b = textField(b, "tenant", d.Query.Tenant)
	b = textField(b, "key_id", d.KeyID)
	b = textField(b, "outcome", string(d.Outcome))
	b = wholeField(b, "status", int64(d.Status))
	if d.Error != "" {
		b = textField(b, "error", d.Error)
	}
	if d.RouterFault != "" {
		b = textField(b, "router_fault", d.RouterFault)
	}
	l.line = append(b, "}\n"...)
	_, _ = l.w.Write(l.line) // a log that is full stops no request
}

// textField appends a field that is not the first. What is no UTF-8 is replaced.
func textField(b []byte, name, value string) []byte {
	b = append(append(append(b, `,"`...), name...), `":`...)
	b, _ = jsontext.AppendQuote(b, value)
	return b
}

func wholeField(b []byte, name string, n int64) []byte {
	return strconv.AppendInt(append(append(append(b, `,"`...), name...), `":`...), n, 10)
}
