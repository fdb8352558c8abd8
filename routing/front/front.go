package front

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"sluice"
	"sluice/routing"
)

// Front is the router in front; see the package. It is safe for concurrent use.
type Front struct {
	o       Options
	service atomic.Pointer[service]
	// leftOut counts requests whose shadow found no place.
	leftOut atomic.Int64
	// swapping orders swaps; dropped is the version of the canary that was dropped and that the registry has
	// not taken back yet.
	swapping sync.Mutex
	dropped  string
	// working are the goroutines that ask routers and tell of rollbacks; Close waits for them.
	working sync.WaitGroup
}

// New makes a front with nothing in service. [Front.Close] ends it.
func New(o Options) (*Front, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	f, first := &Front{o: o}, newService(o, Set{}, nil, false)
	first.idle = true
	f.service.Store(first)
	return f, nil
}

// Swap puts a set into service. Requests that began with the old one end with it. A router of a version that
// served already keeps its circuit.
func (f *Front) Swap(s Set) {
	f.swapping.Lock()
	defer f.swapping.Unlock()
	if s.Canary == nil || s.Canary.Version() != f.dropped {
		f.dropped = ""
	}
	f.service.Store(newService(f.o, s, f.service.Load(), f.dropped != ""))
}

// Close takes everything out of service and waits for the decisions that are still being made, abandoned
// ones included. Nobody may ask for a decision any more.
func (f *Front) Close() error {
	f.Swap(Set{})
	f.working.Wait()
	return nil
}

// ShadowsLeftOut counts the requests that no shadow decided, since [Options].ShadowConcurrency of them were at work.
func (f *Front) ShadowsLeftOut() int64 { return f.leftOut.Load() }

// Decide decides. It never fails and never waits longer than the deadline; see [Decision.Fault].
func (f *Front) Decide(ctx context.Context, r Request) Decision {
	began := f.o.Now()
	s := f.service.Load()
	d := f.decide(ctx, s, r)
	took := f.o.Now().Sub(began)
	d.RouterUS = took.Microseconds()
	if a, judged := s.armOf(d); judged && ctx.Err() == nil {
		f.judge(s, func(g *guard, now time.Time) { g.decided(a, now, d.Fault != "", took) })
	}
	return d
}

// Observe tells how the request of a decision ended, so that a canary whose requests fail is dropped too.
func (f *Front) Observe(d Decision, failed bool) {
	s := f.service.Load()
	if a, judged := s.armOf(d); judged {
		f.judge(s, func(g *guard, now time.Time) { g.ended(a, now, failed) })
	}
}

func (f *Front) decide(ctx context.Context, s *service, r Request) Decision {
	l, canary := s.pick(r)
	d := Decision{Canary: canary, asked: l.version()}
	text, cut := f.fit(r.Text)
	if cut && f.o.RefuseLong {
		d.Fault, d.Refusal = FaultTooLong, tooLong(len(r.Text), f.o.MaxBytes)
		d.Choice = f.static(ctx, r)
		return d
	}
	ask := routing.Request{Text: text, Explain: r.Explain, Tenant: r.Tenant, Key: r.RequestKey}
	d.Shadow = f.shadow(ctx, s.shadow, l, ask, r)
	if l == nil { // the static map is what is in service, unless nobody has said yet what is
		d.Choice = f.static(ctx, r)
		if s.idle {
			d.Fault = FaultUnavailable
		}
		return d
	}
	choice, fault := f.ask(ctx, l, ask)
	if fault != "" {
		d.Fault, d.Choice = fault, f.static(ctx, r)
		return d
	}
	choice.Truncated = choice.Truncated || cut
	d.Choice, d.Threshold = f.knob(choice, l, r)
	return d
}

// static is the static map's choice. Where even that fails the query is a standard one.
func (f *Front) static(ctx context.Context, r Request) routing.Choice {
	choice, err := f.o.Static.Route(context.WithoutCancel(ctx), routing.Request{Text: r.Text})
	if err != nil || choice.Policy == "" {
		return routing.Choice{Policy: sluice.Standard, ReasoningSource: routing.ReasoningNone, Version: f.o.Static.Version()}
	}
	return choice
}

// answer is what a router said.
type answer struct {
	choice routing.Choice
	err    error
}

// ask asks a router, within the deadline.
func (f *Front) ask(ctx context.Context, l *lane, r routing.Request) (routing.Choice, Fault) {
	probe, ok := l.circuit.allow(f.o.Now())
	if !ok {
		return routing.Choice{}, FaultUnavailable
	}
	deadline := f.o.Deadline
	if r.Explain {
		deadline = f.o.ExplainDeadline
	}
	limited, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	select {
	case l.places <- struct{}{}:
	case <-limited.Done():
		l.circuit.forget(probe)
		return routing.Choice{}, FaultDeadline
	}
	said := make(chan answer, 1) // the goroutine ends though nobody listens any more
	f.working.Go(func() {
		defer func() { <-l.places }()
		said <- l.route(limited, r)
	})
	var got answer
	select {
	case got = <-said:
	case <-limited.Done():
		got.err = limited.Err()
	}
	fault := faultOf(got)
	switch {
	case ctx.Err() != nil: // the client is gone: nobody's fault
		l.circuit.forget(probe)
	case fault == FaultDeadline || fault == FaultUnavailable:
		l.circuit.failed(f.o.Now(), probe)
	default:
		l.circuit.succeeded(probe)
	}
	return got.choice, fault
}

func faultOf(a answer) Fault {
	switch {
	case a.err == nil && (a.choice.Policy == "" || !numbers(a.choice.Probabilities)):
		return FaultUnparseable
	case a.err == nil:
		return ""
	case errors.Is(a.err, routing.ErrTooLong):
		return FaultTooLong
	case errors.Is(a.err, routing.ErrUnparseable):
		return FaultUnparseable
	case errors.Is(a.err, context.DeadlineExceeded), errors.Is(a.err, context.Canceled):
		return FaultDeadline
	}
	return FaultUnavailable
}

// numbers says whether probabilities can be held against a threshold, and be written down: JSON has no word for what is
// not a number.
func numbers(probabilities map[sluice.Policy]float64) bool {
	for _, p := range probabilities {
		if !(p >= 0 && p <= 1.001) { // sums of rounded shares
			return false
		}
	}
	return true
}

// shadow lets the candidate decide too, where one is there and has a place. The request does not wait.
func (f *Front) shadow(ctx context.Context, l, used *lane, ask routing.Request, r Request) *Shadow {
	if l == nil || l.version() == used.version() {
		return nil
	}
	select {
	case l.shadows <- struct{}{}:
	default:
		f.leftOut.Add(1)
		return nil
	}
	ask.Explain = false
	out := &Shadow{version: l.version()}
	f.working.Go(func() {
		defer func() { <-l.shadows }()
		f.o.Beside.Do("shadow router", func() { out.done.Store(f.candidate(context.WithoutCancel(ctx), l, ask, r)) })
	})
	return out
}

// candidate is what the shadow decides.
func (f *Front) candidate(ctx context.Context, l *lane, ask routing.Request, r Request) *sluice.Shadow {
	ctx, cancel := context.WithTimeout(ctx, f.o.Deadline)
	defer cancel()
	began := f.o.Now()
	got := l.route(ctx, ask)
	result := &sluice.Shadow{RouterVersion: l.version(), RouterUS: f.o.Now().Sub(began).Microseconds(), Fault: string(faultOf(got))}
	if result.Fault == "" {
		choice, _ := f.knob(got.choice, l, r)
		result.Policy, result.Probabilities = choice.Policy, choice.Probabilities
	}
	return result
}
