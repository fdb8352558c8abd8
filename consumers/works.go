package consumers

import (
	"context"
	"fmt"
	"sync"

	"sluice/streams"
)

// works is what messages in hand here have the stage buy, each one thing: two labels of one query may come at one time, say, by
// two versions of a judge. It is what this copy knows by itself, so that an ordinary message asks nobody.
type works struct {
	mu sync.Mutex
	of map[string]bool
}

// take has a message have its work in hand; false where another one has.
func (w *works) take(d *delivery, work string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.of[work] {
		return false
	}
	if w.of == nil {
		w.of = map[string]bool{}
	}
	w.of[work], d.work = true, work
	return true
}

// alone puts a message off while another one that is in hand here has the stage buy the same: it comes again, and finds
// that stored (Invariant 5). What is stored waits for nobody.
func (r *Runner) alone(ctx context.Context, d *delivery, in *streams.Message) error {
	if r.buyer == nil || !r.cfg.Stage.SharedWork {
		return nil
	}
	work := r.buyer.Work(*in)
	if work == "" || r.works.take(d, work) {
		return nil
	}
	if bought, err := r.buyer.Bought(ctx, *in); bought || err != nil {
		return err
	}
	return d.later(fmt.Errorf("%s %d: %w", in.Stream, in.Sequence, errBeside))
}

// done lets go of what a message has in hand.
func (w *works) done(d *delivery) {
	if d.work == "" {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.of, d.work)
}
