package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"sluice/gateway/spool"
	"sluice/streams"
)

// outlet is the way of a spool's facts to the log. It knows since when nothing gets through, and whether that is for
// the log, which may be away, or for the spool's own disk.
type outlet struct {
	publisher spool.Publisher
	now       func() time.Time

	mu    sync.Mutex
	since time.Time // of the first failure since anything got through; zero: it gets through
	away  error     // what the log said last
	own   error     // what the spool says; nil: it can be read
}

// Publish publishes.
func (o *outlet) Publish(ctx context.Context, msgs []streams.Message) ([]streams.Ack, error) {
	acks, err := o.publisher.Publish(ctx, msgs)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.away = err; err == nil {
		o.since, o.own = time.Time{}, nil
	}
	return acks, err
}

// failed notes why publishing ended. It is true for the first failure of its kind that is the spool's own.
func (o *outlet) failed(err error) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.since.IsZero() {
		o.since = o.now()
	}
	if o.away != nil && errors.Is(err, o.away) {
		return false
	}
	first := o.own == nil
	o.own = err
	return first
}

// stuck is for how long nothing has got through, and why where that is the spool's own fault. waits is how much there
// is to publish: nothing that waits is not stuck.
func (o *outlet) stuck(waits int64) (time.Duration, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if waits == 0 || o.since.IsZero() {
		return 0, nil
	}
	return o.now().Sub(o.since), o.own
}
