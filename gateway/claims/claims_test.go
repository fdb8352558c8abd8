package claims_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice/gateway/claims"
	"sluice/internal/natstest"
)

func TestOfGatewaysThatPutAtOneTimeOneWins(t *testing.T) {
	server := natstest.StartRoles(t)
	buckets := make([]*claims.Bucket, 4)
	for i := range buckets {
		var err error
		if buckets[i], err = claims.Open(t.Context(), server.JetStreamAs("gateway"), time.Now); err != nil {
			t.Fatal(err)
		}
	}
	over := uint64(0)
	for round := range 5 { // the first creates, the second to the fourth replace, the last comes after a drop
		var won atomic.Int64
		var last atomic.Uint64
		var all sync.WaitGroup
		for _, b := range buckets {
			all.Go(func() {
				revision, ok, err := b.Put(t.Context(), "name", []byte{byte(round)}, over)
				if err != nil {
					t.Error(err)
				}
				if ok {
					won.Add(1)
					last.Store(revision)
				}
			})
		}
		all.Wait()
		value, revision, age, err := buckets[0].Get(t.Context(), "name")
		if won.Load() != 1 || err != nil || revision != last.Load() || value[0] != byte(round) || age > time.Minute {
			t.Fatalf("round %d: %d won; then stands %v of revision %d (%v old), %v", round, won.Load(), value, revision, age, err)
		}
		if over = revision; round == 3 {
			if err := buckets[1].Drop(t.Context(), "name", revision-1); err != nil {
				t.Error(err)
			}
			if _, still, _, _ := buckets[0].Get(t.Context(), "name"); still != revision {
				t.Error("a drop of an old revision removed the new one")
			}
			if err := buckets[1].Drop(t.Context(), "name", revision); err != nil {
				t.Error(err)
			}
			if _, over, _, err = buckets[0].Get(t.Context(), "name"); over != 0 || err != nil {
				t.Errorf("after the drop: revision %d, %v", over, err)
			}
		}
	}
	server.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if _, _, err := buckets[0].Put(ctx, "other", nil, 0); err == nil {
		t.Error("a server that is stopped takes a value")
	}
}
