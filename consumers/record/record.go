// Package record is the stage that writes the tables: every fact of the log, in batches, each committed before
// it is acknowledged.
//
// Messages of the fact streams enter; nothing leaves but rows, by way of a [Store]. A fact whose parent is not
// in the tables yet waits, alone; bytes that are no fact are poison; a store that is away makes the whole
// batch wait, for as long as it takes, and spends no attempt. The stage decides nothing about what a fact
// says, and a fact that comes again, in whatever order, changes nothing.
package record

import (
	"context"
	"fmt"
	"slices"
	"time"

	"sluice"
	"sluice/commit"
	"sluice/streams"
)

// Name and Version make the stage's durables.
const (
	Name    = "record"
	Version = "v1"
)

// Store takes batches of facts. Package postgres has one.
type Store interface {
	// Record stores a batch durably before it returns. orphans are the Refs of facts whose parent is not
	// there yet: all others are stored. An error means that none is. Where the error, or one that it wraps,
	// has a method Permanent() bool that says true, trying the same batch again is useless.
	Record(ctx context.Context, facts *sluice.Facts) (orphans []int, err error)
}

// Input is one stream that the stage reads and the durable that it reads it by.
type Input struct{ Stream, Durable string }

// Inputs lists what the stage reads, parents before children: a runner that prefers earlier inputs meets
// hardly an orphan.
func Inputs() []Input {
	named := func(stream, what string) Input { return Input{stream, Name + "-" + Version + "-" + what} }
	return []Input{
		named(streams.StreamAccepted, "queries"),
		named(streams.StreamAnswers, "answers"),
		named(streams.StreamVerdicts, "verdicts"),
		named(streams.StreamLabels, "labels"),
		named(streams.StreamAnalyses, "analyses"),
		named(streams.StreamExamples, "examples"),
		named(streams.StreamCalls, "calls"),
		named(streams.StreamDead, "dead"),
	}
}

// Linger is how long a batch gathers before it is written: a transaction costs as much as dozens of rows, and
// nobody waits for a row as he waits for an answer.
const Linger = 25 * time.Millisecond

// LingerOf is how long a batch of a stream gathers: facts that refer to others twice as long as those that they refer
// to, so that these are written before them. A batch that meets an orphan is written twice.
func LingerOf(stream string) time.Duration {
	switch stream {
	case streams.StreamAccepted, streams.StreamLabels:
		return Linger
	}
	return 2 * Linger
}

// DefaultParentTimeout is how long a fact waits for its parent before it is dead.
const DefaultParentTimeout = 24 * time.Hour

// Handler is the stage. It is safe for concurrent use, and at its best where one Handler serves all of its
// streams: a child that overtook its parent then waits for that in place.
type Handler struct {
	store    Store
	timeout  time.Duration
	patience time.Duration
	now      func() time.Time
	parents  progress
}

// New makes the stage. A timeout of 0 means [DefaultParentTimeout].
func New(store Store, timeout time.Duration, now func() time.Time) *Handler {
	if timeout <= 0 {
		timeout = DefaultParentTimeout
	}
	return &Handler{store: store, timeout: timeout, patience: DefaultPatience, now: now}
}

// Patience sets how long a batch is held for the parents of its facts, as long as no parent at all comes
// in; 0 means not at all. It is set before the first batch. The default is [DefaultPatience].
func (h *Handler) Patience(d time.Duration) *Handler {
	h.patience = d
	return h
}

// HandleBatch stores a batch. It never has outputs.
func (h *Handler) HandleBatch(ctx context.Context, in []streams.Message) []streams.Result {
	results := make([]streams.Result, len(in))
	refs := make([]int, 0, len(in))
	r := rooms.Get().(*room)
	defer r.leave()
	for i := range in {
		if err := add(&r.facts, &r.wires, i, &in[i]); err != nil {
			results[i].Err = err
			continue
		}
		refs = append(refs, i)
	}
	next := h.parents.next()
	orphans := h.settle(ctx, in, refs, &r.facts, results)
	for len(orphans) > 0 && h.await(ctx, in, orphans, next) {
		next = h.parents.next()
		orphans = h.settle(ctx, in, orphans, nil, results)
	}
	for _, ref := range orphans {
		results[ref].Err = h.orphan(&in[ref])
	}
	return results
}

// settle stores the facts of the messages refs and returns the orphans among them. A batch with a fact that
// can never be stored is halved until that fact is alone.
func (h *Handler) settle(ctx context.Context, in []streams.Message, refs []int, facts *sluice.Facts, results []streams.Result) (orphans []int) {
	commit.Settle(ctx, in, refs, results, func(ctx context.Context, refs []int) error {
		if facts == nil { // a part of the batch
			facts = again(in, refs)
		}
		left, err := h.store.Record(ctx, facts)
		if err == nil && hasParents(facts, left) {
			h.parents.made()
		}
		orphans, facts = append(orphans, left...), nil
		return err
	})
	return orphans
}

// hasParents says whether any fact that others may wait for was stored.
func hasParents(facts *sluice.Facts, orphans []int) bool {
	if len(facts.Accepted) > 0 {
		return true
	}
	for i := range facts.Labels {
		if !slices.Contains(orphans, facts.Labels[i].Ref) {
			return true
		}
	}
	return false
}

// again collects the facts of messages that decoded before.
func again(in []streams.Message, refs []int) *sluice.Facts {
	var facts sluice.Facts
	var w wires
	for _, ref := range refs {
		_ = add(&facts, &w, ref, &in[ref]) // it did before
	}
	return &facts
}

// orphan is the fate of a fact whose parent is missing.
func (h *Handler) orphan(m *streams.Message) error {
	err := fmt.Errorf("%s: its parent is not recorded yet", m.Subject)
	age := h.now().Sub(m.StoredAt)
	if age > h.timeout {
		return sluice.Terminal(sluice.ReasonParentMissing,
			fmt.Errorf("%w, %s after it was stored: was the parent's stream cut short, or did its message die?", err, age.Round(time.Second)))
	}
	return sluice.RetryAfter(err, orphanDelay(m.Deliveries, age))
}

// Bounds of an orphan's wait.
const (
	orphanLeast = 100 * time.Millisecond
	orphanMost  = 30 * time.Second
)

// orphanDelay is how long an orphan waits: a tenth of a second, doubled with every delivery, but no more than a
// quarter of the fact's age, so that what was held up for seconds is not late by as many more, and at most half a
// minute.
func orphanDelay(deliveries int, age time.Duration) time.Duration {
	doubled := orphanLeast << min(max(deliveries-1, 0), 10)
	return min(doubled, max(orphanLeast, age/4), orphanMost)
}
