package consumers

import (
	"context"
	"encoding/json"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice"
	"sluice/streams"
)

// Overtaker is a buyer to which one message may bring another one forward: a query that is in the lane of those in a
// hurry, and in the ordinary one too.
type Overtaker interface {
	Buyer
	// Overtakes finds the message of the same stream that a message overtakes; sequence 0: none. Instead, where it is
	// not nil, is what the stage is to be handed, so that it buys what it would for the other one.
	Overtakes(ctx context.Context, in *streams.Message) (instead *streams.Message, other streams.Stored, err error)
}

// heard is what copies of the stage have claimed that may be another message's turn meanwhile. An ordinary message
// looks here and nowhere else, so that it pays for no claim of others. It is told by the log, a moment late.
type heard struct {
	n  atomic.Int32
	mu sync.Mutex
	// until says by name until when a claim is good that nobody renews.
	until map[string]time.Time
}

// has says whether a claim stands.
func (h *heard) has(name string, now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for n, until := range h.until {
		if !now.Before(until) {
			delete(h.until, n)
		}
	}
	h.n.Store(int32(len(h.until)))
	_, ok := h.until[name]
	return ok
}

func (h *heard) put(name string, until time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.until == nil {
		h.until = map[string]time.Time{}
	}
	h.until[name] = until
	h.n.Store(int32(len(h.until)))
}

func (h *heard) drop(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.until, name)
	h.n.Store(int32(len(h.until)))
}

// listen hears of claims until ctx ends. Without it an ordinary message does not know that it was overtaken.
func (r *Runner) listen(ctx context.Context) (hear func(), err error) {
	watcher, err := r.claims.Watch(ctx, claimPrefix(r.cfg.Stage.Name)+"*")
	if err != nil {
		return nil, err
	}
	return func() {
		defer func() { _ = watcher.Stop() }()
		for {
			select {
			case e, open := <-watcher.Updates():
				if !open {
					return
				}
				r.hear(e)
			case <-ctx.Done():
				return
			}
		}
	}, nil
}

func (r *Runner) hear(e jetstream.KeyValueEntry) {
	if e == nil {
		return
	}
	var who claimed
	if e.Operation() == jetstream.KeyValuePut && json.Unmarshal(e.Value(), &who) == nil && who.Overtakes {
		r.heard.put(e.Key(), time.Now().Add(r.cfg.AckWait))
		return
	}
	r.heard.drop(e.Key())
}

// How long, and how often, a replica that lags behind is waited for in place: what is in a hurry is not to come again
// for it.
const (
	lagFor  = 3 * time.Millisecond
	lagMost = 4
)

// overtakes asks the stage what a message overtakes.
func (r *Runner) overtakes(in *streams.Message) (instead *streams.Message, other streams.Stored, err error) {
	for range lagMost {
		instead, other, err = r.overtaker.Overtakes(r.work, in)
		if sluice.ClassOf(err) != sluice.ClassStale || streams.Pause(r.work, lagFor) != nil {
			break
		}
	}
	return instead, other, err
}

// overtaken puts off an ordinary message while one that overtook it is in hand.
func (r *Runner) overtaken(d *delivery) error {
	if r.heard.n.Load() == 0 {
		return nil
	}
	work := r.buyer.Work(*d.in)
	if work == "" || !r.heard.has(claimName(r.cfg.Stage.Name, work), time.Now()) {
		return nil
	}
	return d.later(errBeside)
}
