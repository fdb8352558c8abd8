package front

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"sluice/bulkhead"
	"sluice/routing"
)

// Options are a front's. The zero value of a number is its default, given in brackets.
type Options struct {
	// Static decides where no router does. It must be set and must not wait.
	Static routing.Router
	// Deadline bounds a decision (250 ms), ExplainDeadline one that generates a reasoning (5 s).
	Deadline, ExplainDeadline time.Duration
	// MaxBytes bounds what a router reads (8192). A longer text loses its middle, or, with RefuseLong, is
	// refused.
	MaxBytes   int
	RefuseLong bool
	// Threshold, where above 0, stands in for the routers' own; Tenants overrides it by tenant.
	Threshold float64
	Tenants   map[string]float64
	// Concurrency bounds the decisions that one router makes at once (64); what waits for a place spends its
	// deadline. ShadowConcurrency bounds those of the shadow (8); what finds no place is left out.
	Concurrency, ShadowConcurrency int
	// Circuit gives a failing router a pause.
	Circuit Circuit
	// Guard says when a canary is dropped.
	Guard Guard
	// Beside contains panics of routers, and of what works beside the decisions; nil: told to nobody.
	Beside *bulkhead.Bulkhead
	// OnRollback hears of each canary that was dropped, once, outside of any request; it tells the registry.
	OnRollback func(Rollback)
	// Now is time.Now outside tests.
	Now func() time.Time
}

// Circuit gives a router that keeps failing a pause, in which it is not asked and costs nobody a deadline.
type Circuit struct {
	// Failures in a row open the circuit (5): deadlines missed, errors, panics.
	Failures int
	// Pause is how long it stays open (10 s); then one request tries.
	Pause time.Duration
}

// Guard compares a canary with the active router over a sliding window.
type Guard struct {
	// Window is how far back it looks (5 min), at most; MinRequests how many the canary must have had (50).
	Window      time.Duration
	MinRequests int
	// Margin is by how much its share of faults, of failed requests or of slow decisions may be the larger
	// one (0.05). The difference must also be three times its standard error.
	Margin float64
	// LatencyFactor says what is slow (2): what takes longer than so many times the active router's 95th
	// percentile, plus a millisecond. Shares of slow decisions are compared like those of faults.
	LatencyFactor float64
}

// withDefaults fills in what was not given.
func (o Options) withDefaults() (Options, error) {
	var faults []error
	if o.Static == nil {
		faults = append(faults, errors.New("no static router is given: something must decide where no other does"))
	}
	for _, t := range o.Tenants {
		if t < 0 || t > 1 {
			faults = append(faults, fmt.Errorf("a tenant's threshold is %v, want 0 to 1", t))
		}
	}
	if o.Threshold < 0 || o.Threshold > 1 {
		faults = append(faults, fmt.Errorf("the threshold is %v, want 0 to 1", o.Threshold))
	}
	otherwise(&o.Deadline, 250*time.Millisecond)
	otherwise(&o.ExplainDeadline, 5*time.Second)
	otherwise(&o.MaxBytes, 8192)
	otherwise(&o.Concurrency, 64)
	otherwise(&o.ShadowConcurrency, 8)
	otherwise(&o.Circuit.Failures, 5)
	otherwise(&o.Circuit.Pause, 10*time.Second)
	otherwise(&o.Guard.Window, 5*time.Minute)
	otherwise(&o.Guard.MinRequests, 50)
	otherwise(&o.Guard.Margin, 0.05)
	otherwise(&o.Guard.LatencyFactor, 2)
	if o.Beside == nil {
		o.Beside = bulkhead.New(slog.New(slog.DiscardHandler), time.Now)
	}
	if o.OnRollback == nil {
		o.OnRollback = func(Rollback) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o, errors.Join(faults...)
}

func otherwise[T int | float64 | time.Duration](value *T, fallback T) {
	if *value <= 0 {
		*value = fallback
	}
}
