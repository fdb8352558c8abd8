package operate

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice/consumers"
	"sluice/streams"
)

// Replay sends what a stage read in a window of time through it once more, by way of RETRIES. Stages find
// what is stored already, so that no answer is bought twice; with a new version (of the judge, of the
// analysis, of the matrix) the same input gives new facts beside the old ones.
type Replay struct {
	// Stage is the stage's name, Inputs what it reads.
	Stage  string
	Inputs []consumers.Input
	// Since and Until bound when the messages were stored; the zero value is no bound.
	Since, Until time.Time
	// ID tells this replay from any other: the same one again hands nothing over twice (Invariant 8), a
	// new one hands everything over anew.
	ID string
}

// replayBatch is how many messages are handed over before they are confirmed.
const replayBatch = 256

// Messages yields the window's messages, input by input, oldest first. An error is the last thing yielded.
func (r Replay) Messages(ctx context.Context, js jetstream.JetStream) iter.Seq2[streams.Message, error] {
	return func(yield func(streams.Message, error) bool) {
		for _, in := range r.Inputs {
			filters := in.Filters
			if len(filters) == 0 {
				filters = []string{""}
			}
			for _, filter := range filters {
				for m, err := range streams.Scan(ctx, js, in.Stream, streams.Window{Filter: filter, Since: r.Since, Until: r.Until}) {
					if !yield(m, err) || err != nil {
						return
					}
				}
			}
		}
	}
}

// Run hands every message of the window to the stage and returns how many, all of them confirmed. done,
// where not nil, hears the number after every batch.
func (r Replay) Run(ctx context.Context, js jetstream.JetStream, p Publisher, done func(int)) (int, error) {
	if r.ID == "" {
		return 0, fmt.Errorf("replay of %s: no id", r.Stage)
	}
	sent := 0
	batch := make([]streams.Message, 0, replayBatch)
	flush := func() error {
		if _, err := p.Publish(ctx, batch); err != nil { // Invariant 1
			return fmt.Errorf("replay of %s, after %d messages: %w", r.Stage, sent, err)
		}
		sent += len(batch)
		batch = batch[:0]
		if done != nil {
			done(sent)
		}
		return nil
	}
	most := js.Conn().MaxPayload()
	for m, err := range r.Messages(ctx, js) {
		if err != nil {
			return sent, fmt.Errorf("replay of %s: %w", r.Stage, err)
		}
		retry, err := handOver(r.Stage, r.ID, m, most)
		if err != nil {
			return sent, err
		}
		if batch = append(batch, retry); len(batch) == replayBatch {
			if err := flush(); err != nil {
				return sent, err
			}
		}
	}
	return sent, flush()
}

// envelopeOverhead is, in bytes, what an envelope and its headers add to a message at most.
const envelopeOverhead = 8 << 10

// handOver wraps a message for its stage; one that is too large to be wrapped is named by its place.
func handOver(stage, id string, m streams.Message, maxPayload int64) (streams.Message, error) {
	envelope := streams.Seal(m)
	if int64(len(m.Data))+envelopeOverhead > maxPayload {
		envelope = envelope.ByRef()
	}
	retry, err := streams.RetryMessage(stage, id, envelope)
	if err != nil {
		return streams.Message{}, fmt.Errorf("replay of %s: message %d of %s: %w", stage, m.Sequence, m.Stream, err)
	}
	return retry, nil
}
