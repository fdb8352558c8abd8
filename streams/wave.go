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

var (
	errAckTimeout = errors.New("no confirmation in time")
	errCrowd      = errors.New("one of those that it was sent with was refused")
)

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
	// waited is true once it was part of an outage, through once nothing of it is left to be confirmed.
	waited, through bool

	mu       sync.Mutex
	states   []state
	faults   map[int]fault
	crowds   []*crowd
	inFlight int
	// sending keeps the wave from waking before its last message is sent.
	sending bool
}

func newWave(p *Publisher, msgs []Message, acks []Ack) *wave {
	w := &wave{p: p, msgs: msgs, acks: acks, wake: make(chan struct{}, 1), states: make([]state, len(msgs))}
	w.id = p.replies.register(w)
	return w
}

// close gives back the room of whatever is still in flight. No word changes anything any more: the acks are the
// caller's now.
func (w *wave) close() {
	w.p.replies.forget(w.id)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.p.room.Release(int64(w.inFlight))
	w.inFlight = 0
	for _, g := range w.crowds {
		g.over()
	}
	for i := range w.states {
		w.states[i] = confirmed
	}
}

// carry sends messages and waits until none is in flight. Those of crowds that came to grief are sent once more,
// one by one. Its error is that of ctx.
func (w *wave) carry(ctx context.Context, todo []int, first bool, patience time.Duration) error {
	if err := w.send(ctx, todo, first, patience); err != nil {
		return err
	}
	if err := w.await(ctx, patience); err != nil {
		return err
	}
	again := w.undecided(todo)
	if len(again) == 0 {
		return nil
	}
	if err := w.send(ctx, again, false, patience); err != nil {
		return err
	}
	return w.await(ctx, patience)
}

// send publishes the messages that are not confirmed yet, in crowds where it is the first time. Its error is
// that of ctx.
func (w *wave) send(ctx context.Context, todo []int, first bool, patience time.Duration) error {
	w.mu.Lock()
	w.sending = true
	if first {
		todo = w.crowded(todo)
	}
	crowds := w.crowds
	w.mu.Unlock()
	w.connects = w.p.nc.Stats().Reconnects
	wire := &nats.Msg{Header: make(nats.Header, 4)}
	if first {
		for n, g := range crowds {
			reply := w.p.replies.subject(w.id, len(w.msgs)+n)
			for _, i := range g.indices {
				if err := w.sendOne(ctx, i, wire, reply, g, patience); err != nil {
					return err
				}
			}
		}
	}
	for _, i := range todo {
		if err := w.sendOne(ctx, i, wire, w.p.replies.subject(w.id, i), nil, patience); err != nil {
			return err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sending = false
	w.wakeIfIdle()
	return nil
}

// sendOne publishes message i, alone or as one of a crowd.
func (w *wave) sendOne(ctx context.Context, i int, wire *nats.Msg, reply string, g *crowd, patience time.Duration) error {
	if err := w.enter(ctx, patience); err != nil {
		return fmt.Errorf("publish %s: no room to send: %w", w.msgs[i].Subject, err)
	}
	if !w.begin(i, g) {
		return nil
	}
	err := nats.ErrDisconnected
	if w.p.nc.IsConnected() {
		toWire(wire, w.msgs[i], reply)
		err = w.p.nc.PublishMsg(wire)
	}
	switch {
	case err == nil:
	case g == nil:
		w.settle(i, Ack{}, faultOfSend(err))
	default:
		w.refuse(g)
	}
	return nil
}

// enter takes room for one message. Where none is left for as long as a confirmation may take, those of this wave
// that are in flight are given up: nobody else may be there whose confirmation makes room. Its error is that of ctx.
func (w *wave) enter(ctx context.Context, patience time.Duration) error {
	for !w.p.room.TryAcquire(1) {
		wait, done := context.WithTimeout(ctx, patience)
		err := w.p.room.Acquire(wait, 1)
		done()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		w.giveUp(fault{err: errAckTimeout})
	}
	return nil
}

// begin marks message i as sent; false, and its room given back, where a late reply confirmed it, or its crowd has
// come to grief without it.
func (w *wave) begin(i int, g *crowd) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.states[i] == confirmed || g != nil && g.open() == 0 {
		w.p.room.Release(1)
		return false
	}
	if g != nil {
		g.sent++
	}
	w.states[i] = sent
	w.inFlight++
	return true
}

// reply hears the server's word on message i; late and repeated ones are welcome.
func (w *wave) reply(i int, m *nats.Msg) {
	if n := i - len(w.msgs); n >= 0 {
		w.mu.Lock()
		crowds := w.crowds
		w.mu.Unlock()
		if n < len(crowds) {
			w.confirm(crowds[n], m)
		}
		return
	}
	if i < 0 {
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
	w.mu.Lock()
	for _, g := range w.crowds {
		if g.open() > 0 {
			w.fell(g, f)
		}
	}
	w.mu.Unlock()
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

// undecided lists the messages that failed with their crowd.
func (w *wave) undecided(todo []int) (list []int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.crowds) == 0 || len(w.faults) == 0 {
		return nil
	}
	for _, i := range todo {
		if w.states[i] == failed && w.faults[i].crowded {
			list = append(list, i)
		}
	}
	return list
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
