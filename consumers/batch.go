package consumers

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"sluice/streams"
)

// batching gathers messages while the stage is busy with the batch before. Guarded by Runner.mu.
type batching struct {
	waiting []*delivery
	// since is when the first of those came, or was left over.
	since time.Time
	// wake gets a value when a batch may be ready.
	wake chan struct{}
	// in is what the stage reads, used again for every batch; it belongs to whoever calls the stage.
	in []streams.Message
}

// idle wakes whoever gathers a batch: no request for many is under way, so that what has come is all
// that was there. r.mu is held.
func (r *Runner) idle() {
	select {
	case r.batch.wake <- struct{}{}:
	default:
	}
}

// next waits for a batch; nil means that none will come any more.
func (r *Runner) next() []*delivery {
	for {
		batch, patience, closed := r.ripe(time.Now())
		switch {
		case batch != nil:
			return batch
		case closed:
			return nil
		case patience == 0:
			<-r.batch.wake
			continue
		}
		timer := time.NewTimer(patience)
		select {
		case <-r.batch.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// ripe takes a batch that is worth handing over: a full one, or, where the input is empty, one that has
// lingered. Otherwise it says how long one has to linger yet, and whether none will come any more.
func (r *Runner) ripe(now time.Time) (batch []*delivery, patience time.Duration, closed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := &r.batch
	n := min(len(b.waiting), r.cfg.Stage.Concurrency)
	if n == 0 {
		return nil, 0, r.flow.closing
	}
	if n < r.cfg.Stage.Concurrency && !r.flow.closing {
		if r.flow.current != nil {
			return nil, 0, false
		}
		if left := r.cfg.Stage.Linger - now.Sub(b.since); left > 0 {
			return nil, left, false
		}
	}
	batch, b.waiting, b.since = b.waiting[:n:n], b.waiting[n:], now
	return batch, 0, false
}

// batches hands batch after batch to the stage, one at a time; the outputs of one are stored while the
// stage works on the next.
func (r *Runner) batches() {
	storing := make(chan struct{}, 2)
	for {
		batch := r.next()
		if batch == nil {
			return
		}
		batch = r.prepareAll(batch)
		if len(batch) == 0 {
			continue
		}
		results := r.callBatch(batch)
		storing <- struct{}{}
		r.busy.Go(func() {
			r.conclude(batch, results)
			<-storing
		})
	}
}

// prepareAll prepares each message; those that fail are settled and left out.
func (r *Runner) prepareAll(batch []*delivery) []*delivery {
	good := batch[:0]
	for _, d := range batch {
		if err := r.prepare(d); err != nil {
			r.settle(d, err)
			r.settled(d)
			continue
		}
		good = append(good, d)
	}
	return good
}

// callBatch runs the stage. Where it panics, each message is handled alone, so that only the one at
// fault is poison.
func (r *Runner) callBatch(batch []*delivery) []streams.Result {
	results, err := r.tryBatch(batch)
	if err == nil {
		return results
	}
	if len(batch) == 1 {
		return []streams.Result{{Err: err}}
	}
	results = make([]streams.Result, 0, len(batch))
	for _, d := range batch {
		results = append(results, r.callBatch([]*delivery{d})...)
	}
	return results
}

func (r *Runner) tryBatch(batch []*delivery) (results []streams.Result, err error) {
	ctx, cancel := context.WithTimeout(r.work, r.cfg.Stage.Deadline)
	defer cancel()
	in := slices.Grow(r.batch.in[:0], len(batch))[:len(batch)]
	r.batch.in = in
	defer clear(in)
	for i, d := range batch {
		in[i] = *d.in
		if d.span == nil { // one that is handled again, alone, has its span
			d.trace(ctx, r.cfg.Tracing, r.cfg.Stage.Name)
		}
	}
	began := time.Now()
	defer func() {
		if v := recover(); v != nil {
			results, err = nil, r.panicked(v, in[0])
		}
		r.stats.handled(len(batch), time.Since(began))
	}()
	results = r.cfg.Stage.Batch.HandleBatch(ctx, in)
	if len(results) != len(in) {
		return nil, fmt.Errorf("the stage returned %d results for %d messages", len(results), len(in))
	}
	return results, nil
}

// outputs holds lists for [Runner.conclude].
var outputs = sync.Pool{New: func() any { return new([]streams.Message) }}

// conclude stores all outputs of a batch at once and settles each message.
func (r *Runner) conclude(batch []*delivery, results []streams.Result) {
	list := outputs.Get().(*[]streams.Message)
	out := (*list)[:0]
	for i, d := range batch {
		made, parent := results[i].Out, d.parent()
		if parent != "" {
			for j, m := range made {
				made[j] = m.Continue(parent)
			}
		}
		out = append(out, made...)
	}
	stored := r.store(out)
	clear(out)
	*list = out
	outputs.Put(list)
	for i, d := range batch {
		err := results[i].Err
		if stored != nil && len(results[i].Out) > 0 {
			if len(batch) == 1 {
				err = stored
			} else if again := r.store(results[i].Out); again != nil { // which of them was it?
				err = again
			}
		}
		r.works.done(d) // before it can come again
		r.settle(d, err)
	}
	r.settled(batch...)
	for _, d := range batch {
		if d.claim.Load() != nil {
			r.busy.Go(func() { r.letGo(d) })
		}
	}
}
