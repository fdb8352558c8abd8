package consumers

import (
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sluice"
	"sluice/streams"
)

// take starts work on a message that arrived. r.mu is held.
func (r *Runner) take(d *delivery) {
	if r.cfg.Stage.Batch != nil {
		if len(r.batch.waiting) == 0 {
			r.batch.since = time.Now()
		}
		r.batch.waiting = append(r.batch.waiting, d)
		return
	}
	r.flow.handling++
	select {
	case r.jobs <- d:
	default:
		r.busy.Go(func() { r.hand(d) })
	}
}

// hand handles one message and then whatever else comes, until the runner takes no more: a goroutine whose
// stack has grown is worth keeping. There are never more of them than the stage has places.
func (r *Runner) hand(d *delivery) {
	r.handle(d)
	for d := range r.jobs {
		r.handle(d)
	}
}

// handle carries one message through the stage.
func (r *Runner) handle(d *delivery) {
	var out []streams.Message
	err := r.prepare(d)
	if err == nil {
		out, err = r.call(d)
	}
	r.handled()
	result := streams.Result{Out: out, Err: err}
	if err != nil { // a failure takes its time and holds nobody up
		r.conclude([]*delivery{d}, []streams.Result{result})
		return
	}
	r.together(d, result)
}

// prepare finds out what happened to a message before, and unwraps it where it came by way of RETRIES.
func (r *Runner) prepare(d *delivery) error {
	if d.place.Deliveries > 1 {
		t, err := r.tries.read(r.work, d)
		if err != nil {
			return err
		}
		d.tries, d.known = t, true
		if lost := d.place.Deliveries - 1 - t.Settled; lost >= r.cfg.CrashLoop {
			return sluice.Poison(sluice.ReasonCrashLoop,
				fmt.Errorf("%d deliveries ended without a word: the message may be what kills its workers", lost))
		}
	}
	if d.source.retries {
		return r.unwrap(d)
	}
	if r.overtaker != nil {
		return r.admit(d, d.in, nil)
	}
	return nil
}

// unwrap makes the original of a message that came by way of RETRIES, once nobody else is at work on it.
func (r *Runner) unwrap(d *delivery) error {
	e, err := streams.ParseRetry(d.place)
	if err != nil {
		return sluice.Poison(sluice.ReasonUndecodable, err)
	}
	if e.ByReference {
		if e.Data, err = r.fetch(e); err != nil {
			return err
		}
		e.ByReference = false
	}
	in := e.Open()
	in.Deliveries, in.Retry = d.place.Deliveries, d.place.ID
	if r.cfg.Stage.Batch == nil {
		if err := r.admit(d, &in, &e); err != nil {
			return err
		}
	}
	d.in = &in
	return nil
}

// fetch reads the bytes of a message that was too large to be wrapped.
func (r *Runner) fetch(e streams.Envelope) ([]byte, error) {
	data, err := e.Fetch(r.work, r.cfg.JS)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, sluice.Poison(sluice.ReasonUndecodable, fmt.Errorf("fetch %s %d: the bytes are gone: %w", e.Stream, e.Sequence, err))
	}
	if err != nil {
		return nil, fmt.Errorf("fetch %s %d: %w", e.Stream, e.Sequence, err)
	}
	return data, nil
}

// call runs the handler under its deadline. A panic is poison: its stack goes to the log alone.
func (r *Runner) call(d *delivery) (out []streams.Message, err error) {
	began := time.Now()
	ctx := d.trace(r.deadline(began), r.cfg.Tracing, r.cfg.Stage.Name)
	defer func() {
		if v := recover(); v != nil {
			out, err = nil, r.panicked(v, *d.in)
		}
		r.stats.handled(1, time.Since(began))
	}()
	in := d.in
	if d.instead != nil {
		in = d.instead
	}
	if err := r.alone(ctx, d, in); err != nil {
		return nil, err
	}
	return r.cfg.Stage.Handler.Handle(ctx, *in)
}

func (r *Runner) panicked(v any, in streams.Message) error {
	r.cfg.Log.Error("the stage panicked", "stream", in.Stream, "sequence", in.Sequence, "panic", fmt.Sprint(v),
		"stack", string(debug.Stack()))
	return sluice.Poison(sluice.ReasonPanic, fmt.Errorf("panic: %v", v))
}

// store publishes what the stage made of messages and waits for the confirmation (Invariant 1). While
// the log can't confirm it is tried again, and the stage is not. What comes of work that a shutdown cut off, such
// as the lines of calls that were given up, is stored with the last word (Invariant 6). Its error is terminal where
// an output can never be stored, or says that the runner is stopping.
func (r *Runner) store(out []streams.Message) error {
	if len(out) == 0 {
		return nil
	}
	acks, err := r.publisher.Publish(r.patience(), out)
	r.billed(out, acks)
	r.stats.add(func(s *Stats) {
		for _, a := range acks {
			if a.Stream == "" {
				continue
			}
			s.Outputs++
			if a.New {
				s.New++
			}
		}
	})
	var refused *streams.RefusedError
	if errors.As(err, &refused) {
		if refused.TooLarge {
			return sluice.Terminal(sluice.ReasonTooLarge, err)
		}
		return sluice.Terminal(sluice.ReasonRefused, err)
	}
	return err
}

// billed tells of the lines of the ledger that are stored.
func (r *Runner) billed(out []streams.Message, acks []streams.Ack) {
	if r.cfg.Billed == nil {
		return
	}
	for i, a := range acks {
		if a.Stream != "" && streams.IsLedger(out[i]) {
			r.cfg.Billed(streams.BilledID(out[i].Subject))
		}
	}
}
