package llm

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"sluice"
)

const (
	// triesOfOne is how often a model of a chain that says "not now" is asked before the next one is.
	triesOfOne = 2
	// patienceWithOne is how long such a model may ask us to wait where there is another.
	patienceWithOne = time.Second
)

// run is one conversation's way along its chain.
type run struct {
	c      *Caller
	o      ChainOptions
	req    ChatRequest
	hooks  Hooks
	models []candidate
	began  time.Time
	gate   gate

	at       int // the model that is asked
	tries    int // of it
	attempts int // of all
	detours  int // that Begin asked for
	// line is that of the attempt under way; attempts that are hedged have their own.
	line sluice.Call
	// why says why the first of the models that were left out was.
	why error

	mu     sync.Mutex // result, while hedging
	result ChainResult
}

// outcome is what came of asking one model once.
type outcome struct {
	reply  Reply
	line   *sluice.Call // nil: nobody was asked
	failed *Error       // the attempt failed
	err    error        // nobody was asked: our own limits (classed), or Begin
	begun  bool         // err is Begin's
}

func (o outcome) well() bool { return o.failed == nil && o.err == nil }

// chain asks until somebody answers, or nobody is to be asked any more.
func (r *run) chain(ctx context.Context) error {
	for {
		out := r.ask(ctx)
		if out.line != nil {
			r.result.Model, r.result.CallID = out.line.Model, out.line.ID
			r.result.Text, r.result.ToolCalls = out.reply.Text, out.reply.ToolCalls
			r.result.FinishReason, r.result.Usage = out.reply.FinishReason, out.reply.Usage
		}
		if out.well() {
			return nil
		}
		pause, err := r.settle(ctx, out)
		if err != nil {
			return err
		}
		if err := sleep(ctx, pause); err != nil {
			return r.given(err, out)
		}
	}
}

// given is the error of a context that ended during a pause.
func (r *run) given(err error, out outcome) error {
	if out.failed != nil {
		return fmt.Errorf("%w (%w)", out.failed, err)
	}
	return waiting(err, slotPause)
}

// settle decides what comes after something failed: a pause before the model at r.at is asked, or the
// final error.
func (r *run) settle(ctx context.Context, out outcome) (time.Duration, error) {
	if out.err != nil {
		return r.settleUnasked(ctx, out)
	}
	e := out.failed
	last := r.attempts >= r.o.MaxAttempts
	pause, err := settle(ctx, e, max(1, r.tries), last, r.c.deps.Jitter)
	switch {
	case r.gate.taken() && ctx.Err() == nil && e.Outcome != sluice.OutcomeBlocked:
		return 0, e // what was sent cannot be taken back
	case last, ctx.Err() != nil, e.Outcome == sluice.OutcomeCanceled:
		return 0, err
	case e.Setup:
		return r.leaveOut(err)
	case r.at+1 >= len(r.models), e.Outcome == sluice.OutcomeRefused, e.Outcome == sluice.OutcomeBlocked:
		return pause, err
	case e.Outcome == sluice.OutcomeTimeout, e.Outcome == sluice.OutcomeBroken, r.tries >= triesOfOne, e.RetryAfter > patienceWithOne:
		r.at, r.tries = r.at+1, 0
		return 0, nil
	}
	return pause, err
}

// settleUnasked is settle where nobody was asked: our own limits, or Begin, had a word against it.
func (r *run) settleUnasked(ctx context.Context, out outcome) (time.Duration, error) {
	var detour *redirect
	switch sent := errors.As(out.err, &detour); {
	case sent && detour.model != "":
		return 0, r.detour(detour)
	case ctx.Err() != nil, out.begun && !sent, errors.Is(out.err, ErrSpent):
		return 0, out.err
	case out.begun:
		r.why = out.err
	}
	return r.leaveOut(out.err)
}

// leaveOut goes on without the model at r.at. After the last one it begins again with the first that is
// left, after a pause; where none is left, it fails with the reason of the first that was left out, or
// with Begin's.
func (r *run) leaveOut(err error) (time.Duration, error) {
	if r.why == nil {
		r.why = err
	}
	if len(r.models) == 1 {
		return 0, r.why
	}
	r.models, r.tries = slices.Delete(r.models, r.at, r.at+1), 0
	if r.at < len(r.models) {
		return 0, nil
	}
	r.at = 0
	return backoff(max(1, r.attempts), r.c.deps.Jitter), nil
}

// detour has another model asked in place of the one at r.at.
func (r *run) detour(d *redirect) error {
	next, err := r.c.candidate(d.model, r.req)
	if err != nil {
		return fmt.Errorf("%w; it was to be answered by another model: %w", d.err, err)
	}
	if r.detours++; r.detours > len(r.c.models) {
		return fmt.Errorf("%w (sent from model to model %d times)", d.err, r.detours)
	}
	r.models[r.at], r.tries = next, 0
	rest := r.models[r.at+1:]
	r.models = r.models[:r.at+1+len(slices.DeleteFunc(rest, func(d candidate) bool { return d.m == next.m }))]
	return nil
}

// ask asks the model at r.at once, with a hedge if one is wanted and there is another model.
func (r *run) ask(ctx context.Context) outcome {
	r.attempts++
	r.tries++
	n := r.attempts
	if r.o.HedgeAfter <= 0 || r.at+1 >= len(r.models) || n >= r.o.MaxAttempts {
		return r.once(ctx, r.models[r.at], n, &r.line, nil)
	}
	return r.hedged(ctx, n)
}

// hedged asks the model at r.at, and if it is slow to begin, the next one too. It returns after both
// have ended: the winner's outcome, or the failure of the one that was asked last.
func (r *run) hedged(ctx context.Context, n int) outcome {
	spoke := make(chan struct{}) // closed once the first attempt has something to say, or has failed
	var once sync.Once
	hush := func() { once.Do(func() { close(spoke) }) }
	var first, second outcome
	var both sync.WaitGroup
	var panicked error
	wait := func() {
		both.Wait()
		if panicked != nil {
			panic(panicked)
		}
	}
	defer both.Wait()
	both.Go(func() {
		defer hush()
		defer func() {
			if v := recover(); v != nil { // the caller's goroutine is the one that somebody may watch over
				panicked = fmt.Errorf("%v\n%s", v, debug.Stack())
			}
		}()
		first = r.once(ctx, r.models[r.at], n, &sluice.Call{}, hush)
	})
	timer := time.NewTimer(r.o.HedgeAfter)
	defer timer.Stop()
	select {
	case <-spoke:
		wait()
		return first
	case <-ctx.Done():
		wait()
		return first
	case <-timer.C:
	}
	second = r.once(ctx, r.models[r.at+1], n+1, &sluice.Call{}, nil)
	wait()
	if second.line != nil {
		r.attempts++
	}
	if r.gate.winner == n || second.line == nil {
		return first
	}
	r.at, r.tries = r.at+1, 1
	return second
}

// once makes one attempt at a model, the n-th of the chain, and writes its line. spoke, where not nil, is called
// when its first chunk has come.
func (r *run) once(ctx context.Context, d candidate, n int, line *sluice.Call, spoke func()) (out outcome) {
	purpose := r.o.Purpose
	if tier, ok := r.o.Tiers[d.m.cfg.Model]; ok {
		purpose.Tier = tier
	}
	if r.o.HedgeAfter > 0 {
		hedged, leave := r.gate.enter(ctx, n)
		defer leave()
		ctx = hedged
	}
	t, err := r.c.start(ctx, d.m, purpose, visit{purpose.Tenant, r.req.bytes(), r.queue(d.m)}, n, line)
	if err != nil {
		return outcome{err: err}
	}
	defer t.stop()
	if err := r.begin(ctx, line, d); err != nil {
		return outcome{err: err, begun: true}
	}
	t.began = time.Now()
	r.note(d.m.cfg.Model)
	out.failed = errPanic
	defer func() { out.line = r.end(ctx, &t, out, d.most) }() // where the sink panics, too
	actx, sink, stop := r.supervise(ctx, d, n, spoke)
	defer stop()
	out.reply, err = d.chat.Chat(actx, d.asked(r.req), sink)
	if out.failed = asError(actx, err); out.failed == nil && !r.gate.claim(n) {
		out.failed = &Error{Outcome: sluice.OutcomeCanceled, Sent: true, Usage: told(out.reply.Usage), Err: errOutrun}
	}
	return out
}

// errPanic ends an attempt whose sink panicked; the panic goes on.
var errPanic = &Error{Outcome: sluice.OutcomeCanceled, Sent: true, Err: errors.New("given up: its reader panicked")}

// end writes down what came of an attempt.
func (r *run) end(ctx context.Context, t *try, out outcome, most bounds) *sluice.Call {
	t.end(out.reply.Usage, out.failed, most)
	r.mu.Lock()
	r.result.Lines = append(r.result.Lines, *t.line)
	r.mu.Unlock()
	if r.hooks.End != nil {
		r.hooks.End(context.WithoutCancel(ctx), *t.line)
	}
	return t.line
}

// told is usage, or nil for none.
func told(u sluice.Usage) *sluice.Usage {
	if u == (sluice.Usage{}) {
		return nil
	}
	return &u
}

// begin tells the hook what the attempt may cost at most.
func (r *run) begin(ctx context.Context, line *sluice.Call, d candidate) error {
	if r.hooks.Begin == nil {
		return nil
	}
	intent := *line
	var err error
	intent.Cost, intent.PriceVersion, err = r.c.prices.Bound(intent.Model, intent.StartedAt, d.most.prompt, d.most.output)
	if err != nil {
		return err
	}
	intent.CostEstimated = true
	return r.hooks.Begin(ctx, intent)
}

// supervise bounds an attempt: a stream by the wait for each chunk, a whole reply by the model's timeout.
func (r *run) supervise(ctx context.Context, d candidate, n int, spoke func()) (context.Context, func(Chunk) error, func()) {
	if r.gate.sink == nil {
		ctx, cancel := context.WithTimeout(ctx, d.m.cfg.Timeout)
		return ctx, nil, cancel
	}
	first := r.o.FirstToken
	if first == 0 {
		first = d.m.cfg.Timeout
	}
	ctx, p := watch(ctx, first, r.o.Idle)
	sink := func(c Chunk) error {
		if spoke != nil {
			spoke()
			spoke = nil
		}
		return p.around(func() error { return r.gate.pass(n, c) })
	}
	return ctx, sink, p.stop
}

// queue is how many may wait for a slot of the model.
func (r *run) queue(m *model) int {
	if r.o.MaxQueued > 0 {
		return r.o.MaxQueued
	}
	return 4 * m.cfg.MaxConcurrent
}

// note writes down that a model is asked.
func (r *run) note(model string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Contains(r.result.Asked, model) {
		r.result.Asked = append(r.result.Asked, model)
	}
}

// finish completes the result.
func (r *run) finish() ChainResult {
	res := r.result
	if res.Model == "" {
		res.Model = r.models[min(r.at, len(r.models)-1)].m.cfg.Model
	}
	if r.gate.delivered {
		res.Delivered, res.FirstToken = true, r.gate.first.Sub(r.began)
	}
	return res
}
