package consumers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluice"
	"sluice/streams"
)

// staleFor is the pause before a message is read again whose read a replica answered that lags behind.
const staleFor = 50 * time.Millisecond

// toldEvery is the pause between two warnings that messages wait.
const toldEvery = time.Minute

// lastWord bounds all that is written after the runner lost its patience.
const lastWord = time.Second

// settle decides the fate of a message whose outputs are stored: the only code that does. A nil error
// acknowledges it.
func (r *Runner) settle(d *delivery, err error) {
	var class sluice.Class
	var unsettled error
	if err == nil {
		unsettled = d.say(wordAck)
		r.stats.add(func(s *Stats) { s.Acked++ })
	} else {
		class = r.classOf(d, err)
		unsettled = r.fail(d, class, err)
		r.stats.class(class)
		r.tell(d, class, err)
	}
	d.span.Settled(class, err)
	if unsettled != nil { // it comes again, and changes nothing (Invariant 2)
		r.cfg.Log.Warn("not settled; the message comes again", "error", unsettled)
	}
	r.cfg.Observe(Settled{
		Stream: d.in.Stream, Subject: d.in.Subject, Sequence: d.in.Sequence,
		Deliveries: d.place.Deliveries, Class: class, Err: err,
	})
}

// fail does what the class of a failure asks for.
func (r *Runner) fail(d *delivery, class sluice.Class, err error) error {
	switch class {
	case sluice.ClassTerminal, sluice.ClassPoison:
		return r.bury(d, class, err)
	case sluice.ClassExhausted:
		d.tries.Attempts++
		return r.bury(d, class, err)
	case sluice.ClassWait:
		return r.again(d, sluice.DelayOf(err), false)
	case sluice.ClassStale:
		return r.again(d, staleFor, false)
	case sluice.ClassInterrupted:
		return r.again(d, 0, false)
	default:
		return r.again(d, r.cfg.Backoff(d.tries.Attempts+1), true)
	}
}

// tell logs a failure: deaths as warnings, everything that comes again for whoever listens closely. What waits for
// somebody else (a model that fails, a spending cap, tables without room) is a warning too, once in a while.
func (r *Runner) tell(d *delivery, class sluice.Class, err error) {
	log := r.cfg.Log.Debug
	switch class {
	case sluice.ClassTerminal, sluice.ClassPoison, sluice.ClassExhausted:
		log = r.cfg.Log.Warn
	case sluice.ClassWait:
		if now, last := r.cfg.Now().UnixNano(), r.waitTold.Load(); (last == 0 || now-last >= int64(toldEvery)) && r.waitTold.CompareAndSwap(last, now) {
			r.cfg.Log.Warn("messages wait, and lose nothing by it", "reason", sluice.ReasonOf(err), "error", err)
		}
	}
	log("not handled", "class", class, "reason", sluice.ReasonOf(err), "stream", d.in.Stream,
		"sequence", d.in.Sequence, "attempts", d.tries.Attempts, "error", err)
}

// classOf is the fate that err asks for, as the runner sees it: whatever fails while the runner is out of
// patience was interrupted, a cancellation of any other origin is an ordinary failure, and the last
// attempt's failure is the message's end.
func (r *Runner) classOf(d *delivery, err error) sluice.Class {
	class := sluice.ClassOf(err)
	if class != sluice.ClassRetryable && class != sluice.ClassInterrupted {
		return class
	}
	switch {
	case r.work.Err() != nil:
		return sluice.ClassInterrupted
	case d.tries.Attempts+1 >= r.cfg.Stage.Attempts:
		return sluice.ClassExhausted
	}
	return sluice.ClassRetryable
}

// again notes the delivery and gives the message back, to come again after a delay. A message whose
// note can't be written comes again all the same.
func (r *Runner) again(d *delivery, delay time.Duration, spend bool) error {
	d.tries.Settled += 1 + int(d.repeats.Load())
	if spend {
		d.tries.Attempts++
	}
	var noted error
	if d.known {
		noted = r.tries.write(r.patience(), d, d.tries)
	}
	return errors.Join(noted, d.sayAgainIn(delay))
}

// patience is the working context, or, once that has ended, the one for last words.
func (r *Runner) patience() context.Context {
	if r.work.Err() == nil {
		return r.work
	}
	return r.last
}

// giveBack returns a message that came after the runner stopped asking. r.mu is held.
func (r *Runner) giveBack(d *delivery) {
	if err := d.say(wordNak); err != nil {
		r.cfg.Log.Debug("not given back; the message comes again", "error", err)
	}
}

// bury stores the message in DEAD, byte for byte, and terminates it after that is confirmed
// (Invariant 1). What can't be stored is given back.
func (r *Runner) bury(d *delivery, class sluice.Class, why error) error {
	reason := sluice.ReasonOf(why)
	if streams.ValidToken("reason", string(reason)) != nil {
		reason = sluice.ReasonInvalidField // a stage's own word that no subject can hold
	}
	letter := streams.DeadLetter{
		Envelope: streams.Seal(*d.in), Stage: r.cfg.Stage.Name, Durable: d.source.input.Durable,
		Class: class, Reason: reason, Error: sluice.CleanText(why.Error(), 2048),
		Attempts: d.tries.Attempts, Deliveries: d.place.Deliveries, DiedAt: r.cfg.Now().UTC(), Retry: d.in.Retry,
	}
	err := r.mail(letter)
	var refused *streams.RefusedError
	if errors.As(err, &refused) { // too large once wrapped: the bytes stay where they are
		letter.Envelope = letter.Envelope.ByRef()
		err = r.mail(letter)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("dead letter of %s %d: %w", d.in.Stream, d.in.Sequence, err), d.sayAgainIn(0))
	}
	return d.say(wordTerm)
}

func (r *Runner) mail(l streams.DeadLetter) error {
	m, err := streams.DeadMessage(l)
	if err != nil {
		return err
	}
	_, err = r.publisher.Publish(r.work, []streams.Message{m})
	return err
}
