package front

import (
	"maps"
	"slices"
	"sync/atomic"
)

// faultKinds is every fault, in the order of counts.
var faultKinds = []Fault{FaultDeadline, FaultUnparseable, FaultUnavailable, FaultTooLong}

type counts struct {
	decisions, canary, shadows, shadowsLeftOut, rollbacks atomic.Int64
	faults                                                [4]atomic.Int64
}

func (c *counts) decided(d Decision) {
	c.decisions.Add(1)
	if d.Canary {
		c.canary.Add(1)
	}
	if i := slices.Index(faultKinds, d.Fault); i >= 0 {
		c.faults[i].Add(1)
	}
}

// Stats is what a front did since it was made.
type Stats struct {
	Decisions, Canary int64
	// Faults counts the decisions that the static map made, by why.
	Faults map[Fault]int64
	// Shadows counts the shadow's decisions, ShadowsLeftOut those that found no place.
	Shadows, ShadowsLeftOut int64
	Rollbacks               int64
	// Versions are in service; empty: none.
	Active, CanaryVersion, Shadow string
	Pins                          map[string]string
}

// Stats tells what it did so far, and what is in service.
func (f *Front) Stats() Stats {
	s := f.service.Load()
	out := Stats{
		Decisions: f.counts.decisions.Load(), Canary: f.counts.canary.Load(), Faults: map[Fault]int64{},
		Shadows: f.counts.shadows.Load(), ShadowsLeftOut: f.counts.shadowsLeftOut.Load(), Rollbacks: f.counts.rollbacks.Load(),
		Active: s.active.version(), Shadow: s.shadow.version(), Pins: map[string]string{},
	}
	if !s.dropped.Load() {
		out.CanaryVersion = s.canary.version()
	}
	for tenant, l := range maps.All(s.pins) {
		out.Pins[tenant] = l.version()
	}
	for i, kind := range faultKinds {
		out.Faults[kind] = f.counts.faults[i].Load()
	}
	return out
}
