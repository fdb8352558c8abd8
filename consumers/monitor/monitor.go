// Package monitor is the stage that watches the online ring: every decision, feedback and alert of the log goes into
// the tables, in batches, each committed before it is acknowledged; the lines of the ledger that a decision brings
// are entered into CALLS; and what was decided is counted, put into rolling windows and held against rules.
//
// Messages of DECISIONS, FEEDBACK, ALERTS and TRAINING enter; rows leave by way of a [Store], counts by way of
// an [Observer], and as facts lines of the ledger and, from the [Watcher], alerts and judges' feedback. It decides
// nothing about a request and calls nobody back.
//
// Any number of copies run at once. What a copy counts is what it was the first to write, so that the copies'
// counters add up to the truth; windows are read from the tables, so that every copy shows the same ones.
package monitor

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"sluice"
	"sluice/commit"
	"sluice/streams"
)

// Name and Version make the stage's durables.
const (
	Name    = "monitor"
	Version = "v1"
)

// Store takes batches of facts. Package postgres has one.
type Store interface {
	// Record stores a batch durably before it returns; fresh names, by Ref, the facts that were not there
	// before. An error means that none is stored.
	Record(ctx context.Context, facts *sluice.OnlineFacts) (fresh []int, err error)
}

// Observer hears of every fact once it is stored: of decisions, feedback and alerts once, whatever is delivered again.
// A training event is heard with every delivery.
type Observer interface {
	Decided(at time.Time, d *sluice.Decision)
	Noted(f *sluice.Feedback, a *sluice.Alert, e *sluice.TrainingEvent) // one of them is not nil
}

// Input is one stream that the stage reads and the durable that it reads it by.
type Input struct{ Stream, Durable string }

// Inputs lists what the stage reads.
func Inputs() []Input {
	named := func(stream, what string) Input { return Input{stream, Name + "-" + Version + "-" + what} }
	return []Input{
		named(streams.StreamDecisions, "decisions"),
		named(streams.StreamFeedback, "feedback"),
		named(streams.StreamAlerts, "alerts"),
		named(streams.StreamTraining, "training"),
	}
}

// Handler is the stage. It is safe for concurrent use.
type Handler struct {
	store    Store
	observer Observer
	now      func() time.Time
}

// New makes the stage.
func New(store Store, observer Observer, now func() time.Time) *Handler {
	return &Handler{store: store, observer: observer, now: now}
}

// HandleBatch stores a batch. Its outputs are the decisions' lines of the ledger: of every decision that can be read,
// whatever becomes of its row, since what was paid was paid.
func (h *Handler) HandleBatch(ctx context.Context, in []streams.Message) []streams.Result {
	results := make([]streams.Result, len(in))
	facts := make([]fact, len(in))
	refs := make([]int, 0, len(in))
	for i := range in {
		var err error
		facts[i], err = decode(&in[i], h.now())
		if d := facts[i].decision; d != nil {
			out, fault := streams.BroughtFacts(d)
			if fault != nil {
				fault = sluice.Poison(sluice.ReasonInvalidField, fmt.Errorf("%s: %w", in[i].Subject, fault))
			}
			results[i].Out, err = out, cmp.Or(err, fault)
		}
		if err != nil {
			results[i].Err = err
			continue
		}
		if e := facts[i].event; e != nil {
			h.observer.Noted(nil, nil, e)
			continue
		}
		refs = append(refs, i)
	}
	commit.Settle(ctx, in, refs, results, func(ctx context.Context, refs []int) error {
		fresh, err := h.store.Record(ctx, collect(in, facts, refs))
		for _, ref := range fresh {
			h.tell(in[ref].StoredAt, facts[ref])
		}
		return err
	})
	return results
}

// tell passes on what was stored for the first time.
func (h *Handler) tell(at time.Time, f fact) {
	if f.decision != nil {
		h.observer.Decided(at, f.decision)
		return
	}
	h.observer.Noted(f.feedback, f.alert, nil)
}

// collect is the batch as the store wants it.
func collect(in []streams.Message, facts []fact, refs []int) *sluice.OnlineFacts {
	var out sluice.OnlineFacts
	for _, ref := range refs {
		at := in[ref].StoredAt
		switch f := facts[ref]; {
		case f.decision != nil:
			out.Decisions = append(out.Decisions, sluice.Fact[sluice.Decision]{Ref: ref, At: at, Value: *f.decision})
		case f.feedback != nil:
			out.Feedback = append(out.Feedback, sluice.Fact[sluice.Feedback]{Ref: ref, At: at, Value: *f.feedback})
		case f.alert != nil:
			out.Alerts = append(out.Alerts, sluice.Fact[sluice.Alert]{Ref: ref, At: at, Value: *f.alert})
		}
	}
	return &out
}

// fact is what one message holds: exactly one of these.
type fact struct {
	decision *sluice.Decision
	feedback *sluice.Feedback
	alert    *sluice.Alert
	event    *sluice.TrainingEvent
}

// aheadMost is how far ahead of us a gateway's clock may be. What lies farther ahead would have a day's partition
// made for it that the retention does not reach for years.
const aheadMost = 48 * time.Hour

// decode reads a message. Its error is poison: the bytes are no fact, or not the one that the subject names, or a
// decision of no possible time, which is returned with it.
func decode(m *streams.Message, now time.Time) (f fact, err error) {
	at, ok := streams.PlaceOf(m.Subject)
	if !ok {
		return f, sluice.Poison(sluice.ReasonUndecodable, fmt.Errorf("%s: no subject of a fact", m.Subject))
	}
	right := false
	switch at.Kind {
	case streams.KindTaken:
		if f.decision, err = of[sluice.Decision](m); err == nil {
			if right = f.decision.ID == at.ID; right {
				err = wellTimed(m, f.decision.DecidedAt, now)
			}
		}
	case streams.KindFeedback:
		if f.feedback, err = of[sluice.Feedback](m); err == nil {
			right = f.feedback.ID == at.ID && f.feedback.DecisionID == at.Decision
		}
	case streams.KindRaised:
		if f.alert, err = of[sluice.Alert](m); err == nil {
			right = f.alert.ID == at.ID
		}
	case streams.KindTold:
		if f.event, err = of[sluice.TrainingEvent](m); err == nil {
			right = f.event.JobID == at.ID
		}
	default:
		err = sluice.Poison(sluice.ReasonUndecodable, fmt.Errorf("%s: no fact of a kind that is monitored", m.Subject))
	}
	if err == nil && !right {
		f, err = fact{}, sluice.Poison(sluice.ReasonInvalidField, fmt.Errorf("%s: holds the fact of another subject", m.Subject))
	}
	return f, err
}

func of[T any](m *streams.Message) (*T, error) {
	v, err := streams.Decode[T](m.Data)
	if err != nil {
		return nil, sluice.Poison(sluice.ReasonUndecodable, fmt.Errorf("%s: %w", m.Subject, err))
	}
	return &v, nil
}

// wellTimed refuses decisions whose time is missing or makes no sense: it is half of their key.
func wellTimed(m *streams.Message, at, now time.Time) error {
	if at.IsZero() || at.Year() < 2000 || at.After(now.Add(aheadMost)) {
		return sluice.Poison(sluice.ReasonInvalidField, fmt.Errorf("%s: decided_at %s is no time that a gateway could have decided at", m.Subject, at.Format(time.RFC3339)))
	}
	return nil
}
