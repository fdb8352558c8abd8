package gateway

import (
	"context"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync/atomic"

	"sluice"
	"sluice/streams"
)

// Panics tells the log of requests that panicked, and counts them. Nil, and the zero value, tell nobody.
type Panics struct {
	Log   *slog.Logger
	count atomic.Int64
}

// Note tells of a panic, with the stack of who calls: a deferred function that has just recovered v.
func (p *Panics) Note(request string, v any) {
	if p == nil {
		return
	}
	p.count.Add(1)
	if p.Log != nil {
		p.Log.Error("a request panicked", "request", request, "panic", v, "stack", string(debug.Stack()))
	}
}

// Count is how many there were.
func (p *Panics) Count() int64 {
	if p == nil {
		return 0
	}
	return p.count.Load()
}

func internalFault() *Fault {
	return &Fault{Kind: Internal, Message: "the gateway failed; its log says how"}
}

// panicked ends a request that panicked: whatever it had begun is accounted for (Invariant 6). It touches nothing
// that it need not, since something of the request is not as it should be.
func (p *Pipeline) panicked(ctx context.Context, r *run, request string, v any) *Fault {
	p.o.Panics.Note(request, v)
	fault := internalFault()
	if r == nil || !r.decided || r.written {
		return fault
	}
	d := r.plan.d
	d.Outcome, d.Status, d.Error = sluice.OutcomeServerError, fault.Status(), fault.Error()
	d.LatencyMS = p.o.Now().Sub(d.DecidedAt).Milliseconds()
	sum(d, r.withOpen(ctx))
	fact, err := streams.TakenFact(*d)
	if err == nil {
		err = p.o.Spool.End(d.ID, []streams.Message{fact})
	}
	if err != nil && p.o.Panics != nil && p.o.Panics.Log != nil {
		p.o.Panics.Log.Error("the outcome of a request that panicked can't be written down", "decision", d.ID, "error", err)
	}
	p.told.tell(&r.answer.Decision)
	return fault
}

// withOpen is the lines, with one for the last attempt where nobody is left to end it: it costs what was reserved.
func (r *run) withOpen(ctx context.Context) []sluice.Call {
	call := r.intent.Call
	if call.ID != "" && !slices.ContainsFunc(r.lines, func(l sluice.Call) bool { return l.ID == call.ID }) {
		call.CostEstimated, call.Outcome, call.Error = true, sluice.OutcomeBroken, "the gateway failed while the model was asked; settled at what was reserved"
		r.settle(ctx, call.ID, call.Cost)
		r.lines = append(r.lines, call)
	}
	return r.lines
}
