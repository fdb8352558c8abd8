package operate

import (
	"context"
	"fmt"
	"iter"

	"sluice"
	"sluice/streams"
)

// Wanted is a fact that a message leads to, and the provider call that buys it unless the log holds it.
type Wanted struct {
	// Stage and Tier say who asks whom; Tier is the answer stage's alone.
	Stage string
	Tier  sluice.Tier
	// Stream and Subject are the fact's place.
	Stream, Subject string
	// Usage is a guess at the call.
	Usage sluice.Usage
}

// Stored looks into the log; *streams.Latest does.
type Stored interface {
	Get(ctx context.Context, stream string, subjects ...string) (map[string]streams.Stored, error)
}

// missingBatch is how many messages are looked up at once.
const missingBatch = 256

// Missing lists what a replay of messages would buy: every fact that wants names and that is not stored yet,
// once.
func Missing(ctx context.Context, stored Stored, messages iter.Seq2[streams.Message, error],
	wants func(streams.Message) ([]Wanted, error),
) ([]Wanted, error) {
	var missing, batch []Wanted
	seen := map[string]bool{}
	look := func() error {
		there, err := storedOf(ctx, stored, batch)
		if err != nil {
			return fmt.Errorf("estimate: %w", err)
		}
		for _, w := range batch {
			if !there[w.Subject] {
				missing = append(missing, w)
			}
		}
		batch = batch[:0]
		return nil
	}
	for m, err := range messages {
		if err != nil {
			return nil, fmt.Errorf("estimate: %w", err)
		}
		wanted, err := wants(m)
		if err != nil {
			return nil, fmt.Errorf("estimate: message %d of %s: %w", m.Sequence, m.Stream, err)
		}
		for _, w := range wanted {
			if !seen[w.Subject] {
				seen[w.Subject] = true
				batch = append(batch, w)
			}
		}
		if len(batch) >= missingBatch {
			if err := look(); err != nil {
				return nil, err
			}
		}
	}
	err := look()
	return missing, err
}

// storedOf says which subjects of a batch the log holds.
func storedOf(ctx context.Context, stored Stored, batch []Wanted) (map[string]bool, error) {
	subjects := map[string][]string{}
	for _, w := range batch {
		subjects[w.Stream] = append(subjects[w.Stream], w.Subject)
	}
	there := map[string]bool{}
	for stream, list := range subjects {
		found, err := stored.Get(ctx, stream, list...)
		if err != nil {
			return nil, err
		}
		for subject := range found {
			there[subject] = true
		}
	}
	return there, nil
}
