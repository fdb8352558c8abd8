package consumers_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice/consumers"
	"sluice/internal/natstest"
	"sluice/streams"
)

// A server that heard nothing for more than AckWait (it was away, say) hands out again what the very runner has in hand:
// a model would be asked again for what is only waiting to be stored. Nor is a message that fails after that taken for
// what kills its workers.
func TestWhatIsInHandIsNotHandledASecondTimeWhenItComesAgain(t *testing.T) {
	js := natstest.Log(t)
	const n, again = 4, 4
	var handled atomic.Int64
	release := make(chan struct{})
	r := start(t, js, stage(func(ctx context.Context, in streams.Message) ([]streams.Message, error) {
		first := handled.Add(1) == 1
		select {
		case <-release:
			if first {
				return nil, errors.New("once")
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		return copies(ctx, in)
	}), func(c *consumers.Config) { c.CrashLoop = again - 1 })
	ask(t, js, n)
	wait(t, "all in hand", func() bool { return handled.Load() == n })
	patience(t, js, 100*time.Millisecond) // the runner tells the server every 20 s that it is alive
	wait(t, "all again and again", func() bool { return r.runner.Stats().Redelivered >= again*n })
	patience(t, js, time.Minute)
	wait(t, "all that was handed out is here", func() bool { return r.runner.Stats().Received == info(t, js).Delivered.Consumer })
	close(release)
	r.acked(n)
	quiet(t, js)
	if got := handled.Load(); got != n+1 {
		t.Errorf("%d messages, one of which failed once, were handled %d times", n, got)
	}
	if got := r.runner.Stats(); got.Acked != n || got.InFlight != 0 {
		t.Errorf("%+v", got)
	}
}

// patience has the server hand out again what it heard nothing of for so long.
func patience(t *testing.T, js jetstream.JetStream, d time.Duration) {
	t.Helper()
	c := info(t, js).Config
	c.AckWait = d
	if _, err := js.UpdateConsumer(t.Context(), streams.StreamQueries, c); err != nil {
		t.Fatal(err)
	}
}

// wait asks again and again until the answer is yes.
func wait(t *testing.T, what string, yes func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !yes() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within 30 s: %s", what)
		}
	}
}
