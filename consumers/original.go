package consumers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice"
	"sluice/streams"
)

// How long a message is put off while another one may have the stage buy the same: twice as long each time, up to nearly
// a minute, since there may be as many of them as a stage lags behind.
const (
	awaitFirst   = 50 * time.Millisecond
	awaitDoubled = 10
)

var (
	errUnderWay = errors.New("its original is not settled yet")
	errBeside   = errors.New("another message of the same work is in hand")
)

// later puts a message off, at the price of no attempt.
func (d *delivery) later(err error) error {
	return sluice.RetryAfter(err, awaitFirst<<min(d.place.Deliveries-1, awaitDoubled))
}

// admit puts off a message of which another one may have the stage buy the same (Invariant 5): side by side both would
// find nothing stored, and ask a model each. A replay (of is where it is from) waits until the stage has settled the
// original; what overtakes another one waits while that one may be in hand, though not for long, since it is in a hurry;
// and whatever is to buy something after that claims it. What is stored waits for nobody. An ordinary message pays for
// none of this.
func (r *Runner) admit(d *delivery, in *streams.Message, of *streams.Envelope) error {
	var other streams.Stored
	if r.overtaker != nil {
		var err error
		if d.instead, other, err = r.overtakes(in); err != nil {
			return err
		}
	}
	if of == nil && other.Sequence == 0 {
		return r.overtaken(d)
	}
	if d.instead != nil {
		in = d.instead
	}
	work, err := r.tobuy(*in)
	if err != nil || work == "" && r.buyer != nil {
		return err
	}
	err = r.free(d, in.Stream, of, other)
	if err == nil && r.buyer != nil {
		err = r.mine(d, work, other.Sequence > 0)
	}
	if err == nil && other.Sequence > 0 { // what was handed out before its copy heard of the claim
		if err = streams.Pause(r.work, r.cfg.heardWithin); err == nil {
			err = r.free(d, in.Stream, nil, other)
		}
	}
	if err != nil {
		return d.later(fmt.Errorf("%s %d: %w", in.Stream, in.Sequence, err))
	}
	return nil
}

// free says nothing where neither the original of a replay nor the message that is overtaken is in the way.
func (r *Runner) free(d *delivery, stream string, of *streams.Envelope, other streams.Stored) error {
	if of != nil {
		at, err := r.stands(of.Stream, of.Subject, of.Sequence)
		if err == nil && at != behind {
			at, err = r.late(*of, at)
		}
		if at != behind || err != nil {
			return cmp.Or(err, errUnderWay)
		}
	}
	if other.Sequence > 0 && d.place.Deliveries <= awaitDoubled {
		if at, err := r.stands(stream, other.Subject, other.Sequence); at == inHand || err != nil {
			return cmp.Or(err, errUnderWay)
		}
	}
	return nil
}

// late looks at an original whose time has run out, so that nothing is bought for it from then on: only what was handed
// out before may be under way, and its letter says that it is not.
func (r *Runner) late(of streams.Envelope, at standing) (standing, error) {
	if of.Until.IsZero() || r.cfg.Now().Before(of.Until) {
		return at, nil
	}
	if at == ahead {
		return behind, nil
	}
	dead, err := r.publisher.Buried(r.work, streams.DeadLetter{Envelope: of, Stage: r.cfg.Stage.Name, Reason: sluice.ReasonExpired})
	if dead {
		at = behind
	}
	return at, err
}

// stands says how far the stage is with a message.
func (r *Runner) stands(stream, subject string, sequence uint64) (standing, error) {
	for _, s := range r.sources {
		if s.retries || s.input.Stream != stream || !s.input.covers(subject) {
			continue
		}
		if at, err := s.stands(r.work, sequence); at != behind || err != nil {
			return at, err
		}
	}
	return behind, nil
}

// tobuy is what a message has the stage buy that is not stored yet; empty where there is nothing, or no model is asked.
func (r *Runner) tobuy(in streams.Message) (string, error) {
	if r.buyer == nil {
		return "", nil
	}
	work := r.buyer.Work(in)
	if work == "" {
		return "", nil
	}
	if bought, err := r.buyer.Bought(r.work, in); bought || err != nil {
		return "", err
	}
	return work, nil
}

// mine claims a message's work, or says why it can't be had.
func (r *Runner) mine(d *delivery, work string, overtakes bool) error {
	ok, err := r.claim(d, work, overtakes)
	if err == nil && !ok {
		err = errBeside
	}
	return err
}

// standing is where a message stands with a durable.
type standing uint8

const (
	behind standing = iota // settled, or never to come
	inHand                 // handed out, and perhaps not settled
	ahead                  // not handed out yet
)

// stands says how far the durable is with a message. The server tells where the oldest message stands that is not
// settled: one behind it counts as in hand too. What is known to be behind the stage costs no question: a replay of a
// whole log asks once or twice.
func (s *source) stands(ctx context.Context, sequence uint64) (standing, error) {
	if sequence <= s.floor.Load() {
		return behind, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	c, err := s.r.cfg.JS.Consumer(ctx, s.input.Stream, s.input.Durable)
	if err != nil {
		return behind, fmt.Errorf("durable %s: %w", s.input.Durable, err)
	}
	at := c.CachedInfo() // of just now
	s.floor.Store(at.AckFloor.Stream)
	switch {
	case sequence <= at.AckFloor.Stream:
		return behind, nil
	case sequence <= at.Delivered.Stream && at.NumAckPending > 0:
		return inHand, nil
	case sequence <= at.Delivered.Stream, at.NumPending == 0:
		return behind, nil
	}
	// A stream that was made anew counts from one: nothing has come by such a number yet.
	stream, err := s.r.cfg.JS.Stream(ctx, s.input.Stream)
	if err != nil {
		return behind, fmt.Errorf("stream %s: %w", s.input.Stream, err)
	}
	if sequence <= stream.CachedInfo().State.LastSeq {
		return ahead, nil
	}
	return behind, nil
}

// covers says whether the input reads a subject.
func (in Input) covers(subject string) bool {
	return len(in.Filters) == 0 || slices.ContainsFunc(in.Filters, func(filter string) bool {
		want, have := strings.Split(filter, "."), strings.Split(subject, ".")
		for i, token := range want {
			if token == ">" {
				return len(have) > i
			}
			if i >= len(have) || token != "*" && token != have[i] {
				return false
			}
		}
		return len(want) == len(have)
	})
}
