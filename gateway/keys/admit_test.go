package keys

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/time/rate"
)

// Refusals at one time must not use up what they are refused.
func TestAFloodOfRefusedRequestsDoesNotLowerAKeysRate(t *testing.T) {
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	s := &Store{o: Options{Replicas: 1, Now: func() time.Time { return now }}, limiters: map[string]*rate.Limiter{}}
	key := Key{ID: "k", RatePerMinute: 60}
	var passed atomic.Int64
	var flood sync.WaitGroup
	for range 16 {
		flood.Go(func() {
			for range 5000 {
				if ok, wait := s.Allow(key); ok {
					passed.Add(1)
				} else if wait <= 0 || wait > time.Second {
					t.Errorf("come back in %v", wait)
				}
			}
		})
	}
	flood.Wait()
	if n := passed.Load(); n != 10 {
		t.Errorf("%d passed at one time, want ten seconds' worth", n)
	}
	now = now.Add(time.Second)
	if ok, wait := s.Allow(key); !ok {
		t.Errorf("a second later one is refused for %v", wait)
	}
}
