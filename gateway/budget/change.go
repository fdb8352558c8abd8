package budget

import (
	"context"
	"errors"
	"time"

	"sluice/streams"
)

// change changes one record, or makes it where f is content with the zero record, whatever other replicas
// do meanwhile, until it is stored or ctx ends. f says whether there is anything to store; it may be
// called again, with the record as it is by then, and must come to nothing where its change is stored
// already. A record that somebody else wrote is replaced where anew says so.
func change(ctx context.Context, s shared, key string, anew bool, f func(*record) bool) error {
	return streams.Insist(ctx, func() error {
		for {
			r, revision, err := s.get(ctx, key)
			if err != nil && !errors.Is(err, errAbsent) && (!anew || !errors.Is(err, errForeign)) {
				return err
			}
			if !f(&r) {
				return nil
			}
			if _, err := s.put(ctx, key, r, revision); !errors.Is(err, errConflict) {
				return err
			}
			timer := time.NewTimer(2 * time.Millisecond) // a replica that lags behind answered, or a peer was first
			select {
			case <-ctx.Done():
				timer.Stop()
				return context.Cause(ctx)
			case <-timer.C:
			}
		}
	})
}
