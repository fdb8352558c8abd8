// Package training is the stage that writes down trainings: every job and every event of one, in batches, each
// committed before it is acknowledged.
//
// Messages of JOBS and TRAINING enter; nothing leaves but rows, by way of a [Store]. A fact that comes again, or
// before the job that it is about, changes nothing but its own row. Bytes that are no fact are poison.
package training

import (
	"context"
	"errors"
	"fmt"

	"sluice"
	"sluice/commit"
	"sluice/streams"
)

// Name begins the names of the stage's durables.
const Name = "training"

// Store takes batches. Package postgres has one.
type Store interface {
	// RecordTraining stores a batch durably before it returns. Where the error, or one that it wraps, has a
	// method Permanent() bool that says true, trying the same batch again is useless.
	RecordTraining(ctx context.Context, jobs []sluice.Fact[sluice.TrainingJob], events []sluice.Fact[sluice.TrainingEvent]) error
}

// Handler is the stage. It is safe for concurrent use.
type Handler struct{ store Store }

// New makes the stage.
func New(store Store) *Handler { return &Handler{store} }

// HandleBatch stores a batch. It never has outputs.
func (h *Handler) HandleBatch(ctx context.Context, in []streams.Message) []streams.Result {
	results := make([]streams.Result, len(in))
	var refs []int
	for i := range in {
		if _, err := parse(&in[i]); err != nil {
			results[i].Err = sluice.Poison(sluice.ReasonUndecodable, err)
			continue
		}
		refs = append(refs, i)
	}
	commit.Settle(ctx, in, refs, results, func(ctx context.Context, refs []int) error {
		var all facts
		for _, ref := range refs {
			f, _ := parse(&in[ref]) // it did before
			all.jobs, all.events = append(all.jobs, f.jobs...), append(all.events, f.events...)
		}
		return h.store.RecordTraining(ctx, all.jobs, all.events)
	})
	return results
}

// facts are what messages say.
type facts struct {
	jobs   []sluice.Fact[sluice.TrainingJob]
	events []sluice.Fact[sluice.TrainingEvent]
}

// parse reads one message, whose subject must be the fact's own.
func parse(m *streams.Message) (facts, error) {
	var f facts
	fail := func(err error) (facts, error) { return f, fmt.Errorf("%s: %w", m.Subject, err) }
	place, ok := streams.PlaceOf(m.Subject)
	switch {
	case ok && place.Kind == streams.KindJob:
		job, err := streams.Decode[sluice.TrainingJob](m.Data)
		if err != nil {
			return fail(err)
		}
		if job.ID != place.ID {
			return fail(fmt.Errorf("it holds job %q", job.ID))
		}
		f.jobs = append(f.jobs, sluice.Fact[sluice.TrainingJob]{At: m.StoredAt, Value: job})
	case ok && place.Kind == streams.KindTold:
		e, err := streams.Decode[sluice.TrainingEvent](m.Data)
		if err != nil {
			return fail(err)
		}
		if m.Subject != streams.ToldSubject(place.ID, e.Attempt, e.Sequence) || e.JobID != place.ID {
			return fail(fmt.Errorf("it holds event %d of attempt %d of job %q", e.Sequence, e.Attempt, e.JobID))
		}
		f.events = append(f.events, sluice.Fact[sluice.TrainingEvent]{At: m.StoredAt, Value: e})
	default:
		return fail(errors.New("it is no fact of a training"))
	}
	return f, nil
}
