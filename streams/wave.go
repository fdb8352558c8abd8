package streams

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// state of one message of a wave.
type state uint8

const (
	unsent state = iota
	sent
	confirmed
	failed
)

var errAckTimeout = errors.New("no confirmation in time")

// wave is one call's messages on their way to being confirmed.
type wave struct {
	p    *Publisher
	id   uint64
	msgs []Message
	acks []Ack
	// wake gets a value when nothing is in flight any more.
	wake chan struct{}
	// connects is how often the connection had been found again when the last round was sent.
	connects uint64

	mu       sync.Mutex
	states   []state
	faults   map[int]fault
	inFlight int
	// sending keeps the wave from waking before its last message is sent.
	sending bool
}

func newWave(p *Publisher, msgs []Message, acks []Ack) *wave {
	w := &wave{p: p, msgs: msgs, acks: acks, wake: make(chan struct{}, 1), states: make([]state, len(msgs))}
	w.id = p.replies.register(w)
	return w
}

// close gives back the room of whatever is still in flight.
func (w *wave) close() {
	w.p.replies.forget(w.id)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.p.room.Release(int64(w.inFlight))
	w.inFlight = 0
	for i, s := range w.states {
		if s == sent {
			w.states[i] = failed
		}
	}
}

// send publishes the messages that are not confirmed yet. Its error is that of ctx.
func (w *wave) send(ctx context.Context, todo []int) error {
	w.mu.Lock()
	w.sending = true
	w.mu.Unlock()
	w.connects = w.p.nc.Stats().Reconnects
	wire := &nats.Msg{Header: make(nats.Header, 4)}
	for _, i := range todo {
		if err := w.p.room.Acquire(ctx, 1); err != nil {
			return fmt.Errorf("publish %s: no room to send: %w", w.msgs[i].Subject, context.Cause(ctx))
		}
		if !w.begin(i) {
			continue
		}
		var err error
		if w.p.nc.IsConnected() {
			toWire(wire, w.msgs[i], w.p.replies.subject(w.id, i))
			err = w.p.nc.PublishMsg(wire)
		} else {
			err = nats.ErrDisconnected
		}
		if err != nil {
			w.settle(i, Ack{}, faultOfSend(err))
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sending = false
	w.wakeIfIdle()
	return nil
}

// begin marks message i as sent; false, and its room given back, where a late reply confirmed it.
func (w *wave) begin(i int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.states[i] == confirmed {
		w.p.room.Release(1)
		return false
	}
	w.states[i] = sent
	w.inFlight++
	return true
}

// reply hears the server's word on message i; late and repeated ones are welcome.
func (w *wave) reply(i int, m *nats.Msg) {
	if i < 0 || i >= len(w.msgs) {
		return
	}
	ack, f := parseAck(m)
	w.settle(i, ack, f)
}

// settle ends the flight of message i: confirmed where f is the zero fault.
func (w *wave) settle(i int, ack Ack, f fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := w.states[i]
	if before == confirmed {
		return
	}
	if f.err == nil {
		w.states[i], w.acks[i] = confirmed, ack
	} else {
		if before != sent {
			return // it failed already, and will be sent again
		}
		w.states[i] = failed
		w.fault(i, f)
	}
	if before == sent {
		w.inFlight--
		w.p.room.Release(1)
		w.wakeIfIdle()
	}
}

func (w *wave) fault(i int, f fault) {
	if w.faults == nil {
		w.faults = map[int]fault{}
	}
	w.faults[i] = f
}

func (w *wave) wakeIfIdle() {
	if w.inFlight > 0 || w.sending {
		return
	}
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// await waits until nothing is in flight: confirmed, failed, or timed out. A connection that is lost, or
// was lost and found in between, fails what is in flight at once, since its replies are gone. Its error
// is that of ctx.
func (w *wave) await(ctx context.Context, patience time.Duration) error {
	select { // the common case needs no timer
	case <-w.wake:
		return nil
	default:
	}
	started := time.Now()
	tick := min(patience, 250*time.Millisecond)
	timer := time.NewTimer(tick)
	defer timer.Stop()
	for {
		select {
		case <-w.wake:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("publish: unconfirmed: %w", context.Cause(ctx))
		case <-timer.C:
		}
		switch {
		case !w.p.nc.IsConnected(), w.p.nc.Stats().Reconnects != w.connects:
			w.giveUp(fault{err: nats.ErrDisconnected})
			return nil
		case time.Since(started) >= patience:
			w.giveUp(fault{err: errAckTimeout})
			return nil
		}
		timer.Reset(tick)
	}
}

// giveUp fails everything in flight.
func (w *wave) giveUp(f fault) {
	for i := range w.states {
		w.mu.Lock()
		flying := w.states[i] == sent
		w.mu.Unlock()
		if flying {
			w.settle(i, Ack{}, f)
		}
	}
	select { // settle woke nobody but us
	case <-w.wake:
	default:
	}
}

// taken lists, by stream, the messages whose subject holds a message already, as the server says.
func (w *wave) taken(todo []int) map[string][]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	var by map[string][]int
	for _, i := range todo {
		if f := w.faults[i]; w.states[i] == failed && f.taken {
			if by == nil {
				by = map[string][]int{}
			}
			by[f.stream] = append(by[f.stream], i)
		}
	}
	return by
}

// sort tells the messages to send again from those that no server will take.
func (w *wave) sort(todo []int) (outage Outage, again []int, never []error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, i := range todo {
		if w.states[i] == confirmed {
			continue
		}
		f := w.faults[i]
		if f.never {
			never = append(never, &RefusedError{Subject: w.msgs[i].Subject, TooLarge: f.tooLarge, Err: f.err})
			continue
		}
		again = append(again, i)
		if outage.Err == nil || f.full {
			outage = Outage{Stream: f.stream, Subject: w.msgs[i].Subject, Full: f.full, Err: f.err}
		}
	}
	outage.Unconfirmed = len(again)
	return outage, again, never
}
