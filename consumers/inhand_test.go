package consumers_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"sluice/consumers"
	"sluice/internal/natstest"
	"sluice/streams"
)

// A server that comes back after more than AckWait hands out again what it heard nothing of, to the very runner that
// has it in hand: a model would be asked again for what is only waiting to be stored.
func TestWhatIsInHandIsNotHandledASecondTimeWhenItComesAgain(t *testing.T) {
	server := natstest.Start(t)
	js := server.JetStream()
	natstest.Apply(t, js, natstest.Options())
	const n = 4
	var handled atomic.Int64
	release := make(chan struct{})
	r := start(t, js, stage(func(ctx context.Context, in streams.Message) ([]streams.Message, error) {
		handled.Add(1)
		select {
		case <-release:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		return copies(ctx, in)
	}), impatient, func(c *consumers.Config) { c.Grace = time.Minute })
	ask(t, js, n)
	wait(t, "all in hand", func() bool { return handled.Load() == n })
	server.Stop()
	<-time.After(500 * time.Millisecond) // more than AckWait
	server.Start()
	wait(t, "all again", func() bool { return r.runner.Stats().Redelivered >= n })
	close(release)
	r.acked(n)
	quiet(t, js)
	if got := handled.Load(); got != n {
		t.Errorf("%d messages were handled %d times", n, got)
	}
	if got := r.runner.Stats(); got.Acked != n || got.InFlight != 0 {
		t.Errorf("%+v", got)
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
