package chaos

import (
	"context"
	"sync"
	"testing"
	"time"

	"sluice/streams"
)

// Three servers hold every stream; the one that leads VERDICTS, the state of the join, is killed in
// mid-flow and comes back later; then another one. Nothing is lost.
func TestClusterLosesANodeAndNothingElse(t *testing.T) {
	quick(t)
	s := sizeOf(
		size{queries: 800, rounds: 2, pause: 2 * time.Second, limit: 3 * time.Minute},
		size{queries: 20000, rounds: 20, pause: 5 * time.Second, limit: 30 * time.Minute},
	)
	r := startRig(t, shape{nodes: 3, concurrency: 16, copies: map[string]int{"label": 2}})
	ctx, cancel := context.WithTimeout(t.Context(), s.limit)
	defer cancel()
	var upstream sync.WaitGroup
	upstream.Go(func() {
		if err := r.flow(ctx, s.queries, time.Duration(2*s.rounds)*s.pause); err != nil {
			t.Error(err)
		}
	})
	for range s.rounds {
		r.after(ctx, s.pause)
		n := r.leader(ctx, streams.StreamVerdicts)
		t.Logf("killing %s, leader of %s", n.spec.Name, streams.StreamVerdicts)
		n.child.Kill()
		r.after(ctx, s.pause)
		n.start(t)
	}
	upstream.Wait()
	if err := r.complete(ctx, s.queries); err != nil {
		t.Fatal(err)
	}
	o := r.outcome(s.queries)
	o.nothingLostNothingTwice()
	for _, name := range streams.Names() {
		st, err := r.js.Stream(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		if got := st.CachedInfo().Config.Replicas; got != 3 {
			t.Errorf("stream %s has %d replicas, want 3", name, got)
		}
	}
}

// after waits for a while of the run.
func (r *rig) after(ctx context.Context, d time.Duration) {
	r.t.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		r.t.Fatal(context.Cause(ctx))
	}
}

// leader is the node that leads a stream; it waits for an election that is under way.
func (r *rig) leader(ctx context.Context, stream string) *natsNode {
	r.t.Helper()
	for {
		short, cancel := context.WithTimeout(ctx, 2*time.Second) // without a leader nobody answers
		s, err := r.js.Stream(short, stream)
		cancel()
		if err == nil && s.CachedInfo().Cluster != nil {
			for _, n := range r.nodes {
				if n.name == s.CachedInfo().Cluster.Leader {
					return n
				}
			}
		}
		r.after(ctx, 100*time.Millisecond)
	}
}
