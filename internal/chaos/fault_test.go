package chaos

import (
	"context"
	"os"
	"sync"
	"testing"
	"time"
)

// size is how much a run does: enough to be meaningful in CI, or a soak.
type size struct {
	queries, rounds int
	pause           time.Duration
	limit           time.Duration
}

func sizeOf(ci, long size) size {
	if os.Getenv("SLUICE_CHAOS") == "long" {
		return long
	}
	return ci
}

func quick(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("a fault run takes most of a minute; it runs without -short")
	}
}

// flow publishes n queries evenly over the time that a rampage lasts, so that there is always something in
// flight to kill.
func (r *rig) flow(ctx context.Context, n int, over time.Duration) error {
	const beats = 100
	ticker := time.NewTicker(over / beats)
	defer ticker.Stop()
	sent := 0
	for beat := 1; beat <= beats; beat++ {
		for ; sent < n*beat/beats; sent++ {
			if err := r.publish(ctx, sent); err != nil {
				return err
			}
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// Whatever is killed, and whenever: one example a query, both verdicts, and no more calls than what was in
// flight at the kills.
func TestNothingLostNothingTwiceUnderKills(t *testing.T) {
	quick(t)
	s := sizeOf(
		size{queries: 2000, rounds: 2, pause: 500 * time.Millisecond, limit: 2 * time.Minute},
		size{queries: 20000, rounds: 30, pause: 700 * time.Millisecond, limit: 20 * time.Minute},
	)
	r := startRig(t, shape{nodes: 1, concurrency: 16, copies: map[string]int{"answer": 2, "judge": 2, "label": 2}})
	k := newKiller(r, seedOf(t))
	ctx, cancel := context.WithTimeout(t.Context(), s.limit)
	defer cancel()

	published := make(chan struct{})
	var upstream sync.WaitGroup
	upstream.Go(func() {
		defer close(published)
		if err := r.flow(ctx, s.queries, time.Duration(s.rounds*8)*s.pause); err != nil {
			t.Error(err)
		}
	})
	k.rampage(ctx, published, s.rounds, s.pause)
	upstream.Wait()
	if err := r.complete(ctx, s.queries); err != nil {
		t.Fatal(err)
	}

	o := r.outcome(s.queries)
	o.nothingLostNothingTwice()
	o.ledgerBalances(k.inHand)
	t.Logf("%d queries, %s", s.queries, k)
}
