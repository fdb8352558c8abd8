package claims_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice/gateway/claims"
	"sluice/internal/natstest"
	"sluice/streams"
)

func TestOfGatewaysThatPutAtOneTimeOneWins(t *testing.T) {
	server := natstest.StartRoles(t)
	buckets := make([]*streams.Claims, 4)
	for i := range buckets {
		var err error
		if buckets[i], err = claims.Open(t.Context(), server.JetStreamAs("gateway")); err != nil {
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

// slow is a log whose clock is so far behind ours.
type slow struct {
	jetstream.JetStream
	by time.Duration
}

func (s slow) KeyValue(ctx context.Context, name string) (jetstream.KeyValue, error) {
	kv, err := s.JetStream.KeyValue(ctx, name)
	return slowBucket{kv, s.by}, err
}

func (s slow) Stream(ctx context.Context, name string) (jetstream.Stream, error) {
	stream, err := s.JetStream.Stream(ctx, name)
	return slowStream{stream, s.by}, err
}

type slowBucket struct {
	jetstream.KeyValue
	by time.Duration
}

func (s slowBucket) Get(ctx context.Context, key string) (jetstream.KeyValueEntry, error) {
	e, err := s.KeyValue.Get(ctx, key)
	return slowEntry{e, s.by}, err
}

type slowEntry struct {
	jetstream.KeyValueEntry
	by time.Duration
}

func (s slowEntry) Created() time.Time { return s.KeyValueEntry.Created().Add(-s.by) }

type slowStream struct {
	jetstream.Stream
	by time.Duration
}

func (s slowStream) CachedInfo() *jetstream.StreamInfo {
	info := *s.Stream.CachedInfo()
	info.TimeStamp = info.TimeStamp.Add(-s.by)
	return &info
}

func TestAClaimsAgeIsTheSameWhateverAGatewaysClockSays(t *testing.T) {
	js := natstest.StartRoles(t).JetStreamAs("gateway")
	for _, by := range []time.Duration{time.Hour, 0, -time.Hour} {
		b, err := claims.Open(t.Context(), slow{js, by})
		if err != nil {
			t.Fatal(err)
		}
		name := "name" + by.String()
		if _, ok, err := b.Put(t.Context(), name, []byte("v"), 0); !ok || err != nil {
			t.Fatal(ok, err)
		}
		if _, _, age, err := b.Get(t.Context(), name); err != nil || age < 0 || age > 10*time.Second {
			t.Errorf("with a clock %s ahead a claim of this moment is %s old, %v", by, age, err)
		}
	}
}

func TestAFullBucketTakesNothingNewAndShowsWhatItHas(t *testing.T) {
	js := natstest.Start(t).JetStream()
	o := streams.DefaultOptions()
	o.RepliesMaxBytes = 4 << 10
	natstest.Apply(t, js, o)
	b, err := claims.Open(t.Context(), js)
	if err != nil {
		t.Fatal(err)
	}
	first, ok, err := b.Put(t.Context(), "first", make([]byte, 1<<10), 0)
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	for i := range 10 {
		if _, _, err = b.Put(t.Context(), fmt.Sprint("more", i), make([]byte, 1<<10), 0); err != nil {
			break
		}
	}
	if err == nil || !strings.Contains(err.Error(), "nats.replies_max_bytes") {
		t.Fatalf("a full bucket says %v", err)
	}
	if _, ok, err := b.Put(t.Context(), "first", []byte("another"), 0); ok || err != nil {
		t.Errorf("what stands there is taken over: %t, %v", ok, err)
	}
	if value, revision, _, err := b.Get(t.Context(), "first"); len(value) != 1<<10 || revision != first || err != nil {
		t.Errorf("there stand %d bytes of revision %d, %v", len(value), revision, err)
	}
	if _, ok, err := b.Put(t.Context(), "first", make([]byte, 1<<10), first); !ok || err != nil {
		t.Errorf("a claim can't be renewed: %t, %v", ok, err)
	}
}
