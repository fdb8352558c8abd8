package consumers

import (
	"time"

	"github.com/nats-io/nats.go"
)

// flow decides when to ask which input for how many messages. It is driven by what happens (a message
// arrives, a request ends, a message is handled or settled), so that no goroutine waits for it and no
// batch is a barrier for the next. All is guarded by Runner.mu.
type flow struct {
	// handling counts messages that hold one of the stage's places, open is every message in our hands.
	handling int
	open     opened
	// current is the source with a request for many under way: one at a time, so that the inputs' order
	// of preference holds.
	current *source
	// rounds counts those requests; in every fourth RETRIES comes first, lest a busy input starve it.
	rounds uint64
	// closing is true once the runner asks for nothing more.
	closing bool
}

// room is how many messages may be asked for now.
func (r *Runner) room() int {
	n := r.cfg.Stage.Concurrency
	if r.cfg.Stage.Handler != nil {
		n -= r.flow.handling
	}
	left := r.openMost - r.flow.open.n
	if left < n && left < r.openStep {
		return 0 // bounded by publishing: wait for a worthwhile number
	}
	return min(n, left)
}

// step asks the next input, if there is room and one may be asked. r.mu is held.
func (r *Runner) step() {
	if r.flow.closing || r.flow.current != nil {
		return
	}
	n := r.room()
	if n <= 0 {
		return
	}
	s := r.choose()
	if s == nil {
		return
	}
	r.flow.rounds++
	r.flow.current = s
	s.ask(n)
}

// choose is the first ready source in the order of preference.
func (r *Runner) choose() *source {
	if last := r.sources[len(r.sources)-1]; r.flow.rounds%4 == 3 && last.retries && last.stance == ready {
		return last
	}
	for _, s := range r.sources {
		if s.stance == ready {
			return s
		}
	}
	return nil
}

// arrive takes a message into the runner's hands.
func (r *Runner) arrive(s *source, m *nats.Msg) {
	d, err := newDelivery(s, m)
	if err != nil {
		r.cfg.Log.Error("a delivery that can't be read", "durable", s.input.Durable, "error", err)
		return
	}
	r.stats.add(func(st *Stats) {
		st.Received++
		if d.place.Deliveries > 1 {
			st.Redelivered++
		}
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	s.heard = time.Now()
	if s.got++; s.got >= s.want && (s.stance == asking || s.stance == resting) {
		r.ended(s, ready)
	}
	switch {
	case r.inHand(d): // it is settled with the one that came before
	case r.flow.closing:
		r.giveBack(d)
		return
	default:
		r.flow.open.add(d)
		r.take(d)
	}
	r.step()
}

// inHand says whether a message that comes again is still worked on here, since the server was away, or heard no sign
// of life, for longer than AckWait. Handled again it would find nothing stored of what is only waiting to be, and a
// model would be asked twice (Invariant 5). Stages that take batches ask none. r.mu is held.
func (r *Runner) inHand(d *delivery) bool {
	if d.place.Deliveries <= 1 || r.cfg.Stage.Batch != nil {
		return false
	}
	for o := r.flow.open.first; o != nil; o = o.after {
		if !o.done.Load() && o.source == d.source && o.place.Sequence == d.place.Sequence && o.place.StoredAt.Equal(d.place.StoredAt) {
			o.ack.Store(d.ack.Load())
			o.repeats.Add(1)
			return true
		}
	}
	return false
}

// word hears the server about a request: 100 a sign of life, 404 nothing (more) there, 408 time is up,
// anything else a fault.
func (r *Runner) word(s *source, request uint64, status, description string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if request != s.request || s.stance == ready || s.stance == broken {
		return
	}
	switch status {
	case "100":
		s.heard = time.Now()
		return
	case "404", "408":
		r.ended(s, resting)
	default:
		r.cfg.Log.Debug("input is away", "durable", s.input.Durable, "status", status, "why", description)
		r.ended(s, broken)
		s.heard = time.Now()
	}
	r.step()
}

// ended puts a source whose request is over into its next stance. r.mu is held.
func (r *Runner) ended(s *source, next stance) {
	if r.flow.current == s {
		r.flow.current = nil
	}
	s.stance = next
	if next == resting && !r.flow.closing {
		s.rest()
	}
	if r.flow.current == nil {
		r.idle()
	}
}

// refresh asks again wherever an answer can't come any more: the connection was lost and found (all), or
// nothing was heard for too long. It returns the sources whose durable must be looked after.
func (r *Runner) refresh(now time.Time, all bool) (away []*source) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.sources {
		switch {
		case s.stance == broken && now.Sub(s.heard) >= brokenFor:
			away = append(away, s)
		case (s.stance == asking || s.stance == resting) && (all || now.Sub(s.heard) >= silence):
			r.ended(s, ready)
		}
	}
	r.step()
	return away
}

// mended makes a source whose durable is back fit to be asked.
func (r *Runner) mended(s *source) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.stance == broken {
		r.ended(s, ready)
		r.step()
	}
}

// handled gives back the stage's place, settled the message itself.
func (r *Runner) handled() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.flow.handling--
	r.step()
}

func (r *Runner) settled(ds ...*delivery) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range ds {
		r.flow.open.remove(d)
	}
	r.step()
}

// inFlight lists the messages in our hands.
func (r *Runner) inFlight() []*delivery {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]*delivery, 0, r.flow.open.n)
	for d := r.flow.open.first; d != nil; d = d.after {
		list = append(list, d)
	}
	return list
}

// opened lists deliveries by the links that they carry.
type opened struct {
	first *delivery
	n     int
}

func (o *opened) add(d *delivery) {
	if d.after = o.first; d.after != nil {
		d.after.before = d
	}
	o.first = d
	o.n++
}

func (o *opened) remove(d *delivery) {
	if d.before != nil {
		d.before.after = d.after
	} else {
		o.first = d.after
	}
	if d.after != nil {
		d.after.before = d.before
	}
	d.before, d.after = nil, nil
	o.n--
}
