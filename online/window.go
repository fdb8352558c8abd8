package online

import (
	"time"

	"sluice"
)

// Parts of a request that take time.
const (
	Router = "router"
	Model  = "model"
	Total  = "total"
)

// Count is how many decisions of one slot were alike.
type Count struct {
	// At is the slot's beginning.
	At                          time.Time
	Policy, Model, Version      string
	Decisions, Errors           int64
	Fallbacks, Routed, Unrouted int64
	Cost                        sluice.MicroUSD
}

// Latency is how many values of one slot fell into one bucket ([BucketOf], microseconds).
type Latency struct {
	At     time.Time
	What   string
	Bucket int
	N      int64
}

// Slots are what a stretch of time held, in pieces of one width.
type Slots struct {
	Counts    []Count
	Latencies []Latency
}

// Window is what a stretch of time up to now held.
type Window struct {
	Span time.Duration
	// Decisions counts requests, Errors those that ended neither well nor by the client's own doing, Fallbacks
	// those that more than one model was asked for.
	Decisions, Errors, Fallbacks int64
	// Routed counts requests that wanted a router, Unrouted those of them for which the static map stood in.
	Routed, Unrouted int64
	Cost             sluice.MicroUSD
	// Policies counts routed requests; Models and Versions all.
	Policies, Models, Versions map[string]int64
	// ModelCost is what each model's requests cost.
	ModelCost map[string]sluice.MicroUSD
	// Latency is in microseconds, by part.
	Latency map[string]*Histogram
}

// ErrorShare is the share of requests that failed; 0 without requests.
func (w Window) ErrorShare() float64 { return share(w.Errors, w.Decisions) }

// FallbackShare is the share of requests that more than one model was asked for.
func (w Window) FallbackShare() float64 { return share(w.Fallbacks, w.Decisions) }

// UnroutedShare is the share of requests for a router that the static map decided.
func (w Window) UnroutedShare() float64 { return share(w.Unrouted, w.Routed) }

func share(part, whole int64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// Windows remembers slots for as long as its longest window wants them. Not safe for concurrent use.
type Windows struct {
	width   time.Duration
	longest time.Duration
	counts  map[time.Time][]Count
	lats    map[time.Time][]Latency
}

// NewWindows makes windows of slots of a width; no window is longer than longest.
func NewWindows(width, longest time.Duration) *Windows {
	return &Windows{width: width, longest: longest, counts: map[time.Time][]Count{}, lats: map[time.Time][]Latency{}}
}

// Put replaces every slot from an instant on by what was read again, and forgets what is too old for any window.
func (w *Windows) Put(from, now time.Time, s Slots) {
	drop := func(at time.Time) bool {
		return !at.Before(from.Truncate(w.width)) || at.Before(now.Add(-w.longest-w.width))
	}
	for at := range w.counts {
		if drop(at) {
			delete(w.counts, at)
		}
	}
	for at := range w.lats {
		if drop(at) {
			delete(w.lats, at)
		}
	}
	for _, c := range s.Counts {
		at := c.At.UTC()
		w.counts[at] = append(w.counts[at], c)
	}
	for _, l := range s.Latencies {
		at := l.At.UTC()
		w.lats[at] = append(w.lats[at], l)
	}
}

// Over sums the slots of the span up to now. Its beginning is exact to a slot's width.
func (w *Windows) Over(span time.Duration, now time.Time) Window {
	out := Window{
		Span: span, Policies: map[string]int64{}, Models: map[string]int64{}, Versions: map[string]int64{},
		ModelCost: map[string]sluice.MicroUSD{},
		Latency:   map[string]*Histogram{Router: {}, Model: {}, Total: {}},
	}
	begin := now.Add(-span).Truncate(w.width)
	for at, counts := range w.counts {
		if !at.After(begin) {
			continue
		}
		for _, c := range counts {
			out.add(c)
		}
	}
	for at, lats := range w.lats {
		if !at.After(begin) {
			continue
		}
		for _, l := range lats {
			if h := out.Latency[l.What]; h != nil {
				h.Add(l.Bucket, l.N)
			}
		}
	}
	return out
}

func (w *Window) add(c Count) {
	w.Decisions += c.Decisions
	w.Errors += c.Errors
	w.Fallbacks += c.Fallbacks
	w.Routed += c.Routed
	w.Unrouted += c.Unrouted
	w.Cost += c.Cost
	w.Policies[c.Policy] += c.Routed
	w.Models[c.Model] += c.Decisions
	w.ModelCost[c.Model] += c.Cost
	w.Versions[c.Version] += c.Routed
}
