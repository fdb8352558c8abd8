package streams

import (
	"context"
	"fmt"

	"sluice"
)

// AcceptedBefore finds the query that was accepted by a key, in whatever lane; false where none was. stored looks into
// the log: *Latest does.
func AcceptedBefore(ctx context.Context, stored interface {
	Get(ctx context.Context, stream string, subjects ...string) (map[string]Stored, error)
}, key string,
) (a sluice.Accepted, found bool, err error) {
	lanes := []string{AcceptedSubject(LaneNormal, key), AcceptedSubject(LaneUrgent, key)}
	known, err := stored.Get(ctx, StreamAccepted, lanes...)
	if err != nil {
		return a, false, err
	}
	for _, lane := range lanes {
		if m, ok := known[lane]; ok {
			if a, err = Decode[sluice.Accepted](m.Data); err != nil {
				return a, false, fmt.Errorf("stored at %s: %w", lane, err)
			}
			return a, true, nil
		}
	}
	return a, false, nil
}
