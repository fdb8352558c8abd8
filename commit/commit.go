// Package commit decides what becomes of a batch of messages that a store takes or refuses as a whole.
//
// Messages and a way to store some of them enter; an error for each message that was not stored leaves. A store
// that is away makes the whole batch wait, for as long as it takes, and spends no attempt; a batch with a
// fact that can never be stored is halved until that fact is alone, and it alone is dead.
package commit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluice"
	"sluice/streams"
)

// Settle stores the messages of in that refs name, by way of store, and writes into results what became of those
// that were not stored. An error of store means that none of its messages was; where it, or one that it
// wraps, has a method Permanent() bool that says true, the same messages together will never be.
func Settle(ctx context.Context, in []streams.Message, refs []int, results []streams.Result, store func(context.Context, []int) error) {
	if len(refs) == 0 {
		return
	}
	err := store(ctx, refs)
	switch {
	case err == nil:
	case ctx.Err() != nil && errors.Is(context.Cause(ctx), context.Canceled):
		each(in, refs, results, func(*streams.Message) error { return context.Canceled })
	case !permanent(err):
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			err = fmt.Errorf("the tables took longer than the stage waits, since somebody holds a lock (pg_stat_activity tells) or a disk is slow: %w", err)
		}
		each(in, refs, results, func(m *streams.Message) error { return sluice.RetryAfter(err, Outage(m.Deliveries)) })
	case len(refs) == 1:
		each(in, refs, results, func(m *streams.Message) error {
			return sluice.Terminal(sluice.ReasonInvalidField, fmt.Errorf("%s: %w", m.Subject, err))
		})
	default:
		Settle(ctx, in, refs[:len(refs)/2], results, store)
		Settle(ctx, in, refs[len(refs)/2:], results, store)
	}
}

func each(in []streams.Message, refs []int, results []streams.Result, why func(*streams.Message) error) {
	for _, ref := range refs {
		results[ref].Err = why(&in[ref])
	}
}

// Outage is how long a message waits for a store that is away: a quarter of a second, doubled with every delivery,
// at most 15 s.
func Outage(deliveries int) time.Duration {
	return min(250*time.Millisecond<<min(max(deliveries-1, 0), 10), 15*time.Second)
}

// permanent asks an error whether trying again is useless.
func permanent(err error) bool {
	var p interface{ Permanent() bool }
	return errors.As(err, &p) && p.Permanent()
}
