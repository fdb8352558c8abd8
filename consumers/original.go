package consumers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice"
	"sluice/streams"
)

// How long a message that came by way of RETRIES is put off while its original is under way: twice as long each time, up
// to nearly a minute, since there may be as many of them as a stage lags behind.
const (
	awaitFirst   = 50 * time.Millisecond
	awaitDoubled = 10
)

var (
	errUnderWay = errors.New("its original is not settled yet")
	errBeside   = errors.New("another replay of it is under way")
)

// original is where a replay's message is stored; the zero value is that of no replay.
type original struct {
	stream   string
	sequence uint64
}

// await puts a replay off, at the price of no attempt, until the stage has settled the original, and this copy of it
// every replay of the same that came before: side by side both would find nothing stored, and ask a model each
// (Invariant 5). Nothing but replays pays for it. Stages that take batches ask no model.
func (r *Runner) await(d *delivery, e streams.Envelope) error {
	if r.cfg.Stage.Batch != nil {
		return nil
	}
	later := func(err error) error {
		err = fmt.Errorf("replay of %s %d: %w", e.Stream, e.Sequence, err)
		return sluice.RetryAfter(err, awaitFirst<<min(d.place.Deliveries-1, awaitDoubled))
	}
	for _, s := range r.sources {
		if s.retries || s.input.Stream != e.Stream || !s.input.covers(e.Subject) {
			continue
		}
		under, err := s.underWay(r.work, e.Sequence)
		if err == nil && under {
			err = errUnderWay
		}
		if err != nil {
			return later(err)
		}
	}
	if !r.alone(d, original{e.Stream, e.Sequence}) {
		return later(errBeside)
	}
	return nil
}

// alone says whether no other replay of an original is in hand, and has d be the one from then on.
func (r *Runner) alone(d *delivery, of original) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for o := r.flow.open.first; o != nil; o = o.after {
		if o != d && o.of == of && !o.done.Load() {
			return false
		}
	}
	d.of = of
	return true
}

// underWay says whether a message may still come to the stage, or be in the hands of one of its copies. The server
// tells where the oldest such message stands: one behind it counts as under way too. What is known to be behind the
// stage costs no question: a replay of a whole log asks once or twice.
func (s *source) underWay(ctx context.Context, sequence uint64) (bool, error) {
	if sequence <= s.floor.Load() {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	c, err := s.r.cfg.JS.Consumer(ctx, s.input.Stream, s.input.Durable)
	if err != nil {
		return false, fmt.Errorf("durable %s: %w", s.input.Durable, err)
	}
	at := c.CachedInfo() // of just now
	s.floor.Store(at.AckFloor.Stream)
	switch {
	case sequence <= at.AckFloor.Stream:
		return false, nil
	case sequence <= at.Delivered.Stream:
		return at.NumAckPending > 0, nil
	case at.NumPending == 0:
		return false, nil
	}
	// A stream that was made anew counts from one: nothing has come by such a number yet.
	stream, err := s.r.cfg.JS.Stream(ctx, s.input.Stream)
	if err != nil {
		return false, fmt.Errorf("stream %s: %w", s.input.Stream, err)
	}
	return sequence <= stream.CachedInfo().State.LastSeq, nil
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
