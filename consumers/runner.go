package consumers

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"sluice/streams"
)

// errClosed says that somebody closed the connection for good.
var errClosed = errors.New("the connection was closed while the runner was at work")

// errStopping ends the work that a shutdown has no more patience for.
var errStopping = errors.New("the runner is stopping")

// Runner runs one stage against the log. Any number of runners of a stage, on any number of machines,
// share its messages.
//
// What it promises: a message is acknowledged only after everything that the stage made of it is stored
// and confirmed (Invariant 1); a message that can't be handled is stored in DEAD, then terminated; a
// message is never lost, and may be handled more than once.
type Runner struct {
	cfg       Config
	publisher *streams.Publisher
	tries     *ledgerOfTries
	// buyer is the stage's handler where it asks models, overtaker where messages overtake one another; nil otherwise.
	buyer     Buyer
	overtaker Overtaker
	// claims is where buyers claim, heard what was claimed that matters to ordinary messages.
	claims *streams.Claims
	heard  heard
	// works is what buyers have in hand here.
	works   works
	sources []*source // in order of preference, RETRIES last
	stats   stats

	// openMost bounds the messages in our hands, openStep how many must be free before more are asked for.
	openMost, openStep int

	// work is the context of everything done for a message; it outlives Run's by the grace. last outlives
	// work by lastWord.
	work, last context.Context
	// busy counts the goroutines that handle and settle; Run waits for them.
	busy sync.WaitGroup

	deadlines deadlines

	// waitTold is when messages that wait were last warned of, in nanoseconds; 0: never.
	waitTold atomic.Int64

	// jobs hands messages to goroutines that are free; closed when the runner takes no more.
	jobs chan *delivery

	mu   sync.Mutex
	flow flow
	// gathering is what waits to be stored.
	gathering gathering
	// batch is what waits for the next HandleBatch.
	batch batching
}

// New checks the configuration. It reports every fault at once, and touches no server.
func New(c Config) (*Runner, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	c = c.withDefaults()
	r := &Runner{cfg: c, publisher: c.Publisher}
	r.buyer, _ = c.Stage.Handler.(Buyer)
	r.overtaker, _ = c.Stage.Handler.(Overtaker)
	n := c.Stage.Concurrency
	r.openMost, r.openStep = 2*n+256, max(1, n/4)
	if c.Stage.Batch != nil {
		r.openMost = 3 * n
	}
	r.batch.wake = make(chan struct{}, 1)
	r.jobs = make(chan *delivery)
	for _, in := range c.Stage.inputs() {
		r.sources = append(r.sources, newSource(r, in))
	}
	return r, nil
}

// Stats is what the runner has done so far.
func (r *Runner) Stats() Stats {
	s := r.stats.read()
	r.mu.Lock()
	s.InFlight = r.flow.open.n
	r.mu.Unlock()
	return s
}

// Run creates the durables and handles messages until ctx is done and everything in flight is settled or
// given back; then it returns nil. It returns an error where it could not begin (a stream or the bucket
// is missing, a durable can't be what the stage wants) and where the connection was closed under it. A
// server that goes away later is waited for. Call it once.
func (r *Runner) Run(ctx context.Context) error {
	fail := func(err error) error { return fmt.Errorf("run stage %s: %w", r.cfg.Stage.Name, err) }
	tries, err := openTries(ctx, r.cfg.JS)
	if err != nil {
		return fail(err)
	}
	r.tries = tries
	if err := r.openClaims(ctx); err != nil {
		return fail(err)
	}
	r.agree(ctx)
	for _, s := range r.sources {
		if err := s.ensure(ctx); err != nil {
			return fail(err)
		}
	}
	if r.publisher == nil {
		if r.publisher, err = streams.NewPublisher(r.cfg.JS, streams.PublisherOptions{Log: r.cfg.Log}); err != nil {
			return fail(err)
		}
		defer func() {
			if err := r.publisher.Close(); err != nil {
				r.cfg.Log.Debug("publisher not closed", "error", err)
			}
		}()
	}
	var stop, stopLast context.CancelCauseFunc
	r.last, stopLast = context.WithCancelCause(context.WithoutCancel(ctx))
	defer stopLast(errStopping)
	r.work, stop = context.WithCancelCause(r.last)
	defer stop(errStopping)
	for _, s := range r.sources {
		if err := s.open(); err != nil {
			return fail(err)
		}
	}
	if err := r.run(ctx, stop, stopLast); err != nil {
		return fail(err)
	}
	return nil
}

// run keeps house until ctx is done, then winds down.
func (r *Runner) run(ctx context.Context, stop, stopLast context.CancelCauseFunc) error { //nolint:contextcheck // work outlives ctx by the grace, on purpose
	background, end := context.WithCancel(r.work)
	defer end()
	var house sync.WaitGroup
	house.Go(func() { r.heartbeats(background) })
	if r.overtaker != nil {
		if hear, err := r.listen(background); err == nil { //nolint:contextcheck // it listens for as long as work goes on
			house.Go(hear)
		} else {
			r.cfg.Log.Warn("claims are not heard: a query that is asked again in a hurry may be bought twice", "error", err)
		}
	}
	if r.cfg.Stage.Batch != nil {
		r.busy.Go(r.batches)
	}
	r.mu.Lock()
	r.step()
	r.mu.Unlock()
	if r.cfg.Begun != nil {
		r.cfg.Begun()
	}

	err := r.keepHouse(ctx)
	if err != nil {
		stop(err) // nothing can be stored or settled any more
		stopLast(err)
	}
	grace := time.AfterFunc(r.cfg.Grace, func() { stop(errStopping) })
	defer grace.Stop()
	last := time.AfterFunc(r.cfg.Grace+lastWord, func() { stopLast(errStopping) })
	defer last.Stop()
	r.closeInputs()
	r.busy.Wait()
	end()
	house.Wait()
	if err != nil {
		return err
	}
	if err := r.cfg.JS.Conn().FlushTimeout(2 * time.Second); err != nil {
		r.cfg.Log.Warn("the last acknowledgements may be lost; their messages come again", "error", err)
	}
	return nil
}

// keepHouse looks after requests that are lost and durables that are away, until ctx is done or the
// connection is closed for good.
func (r *Runner) keepHouse(ctx context.Context) error {
	connected := r.cfg.JS.Conn().StatusChanged(nats.CONNECTED, nats.CLOSED)
	defer r.cfg.JS.Conn().RemoveStatusListener(connected)
	tick := time.NewTicker(brokenFor)
	defer tick.Stop()
	for {
		all := false
		select {
		case <-ctx.Done():
			return nil
		case <-connected:
			all = true
		case <-tick.C:
		}
		if r.cfg.JS.Conn().IsClosed() {
			return errClosed
		}
		for _, s := range r.refresh(time.Now(), all) {
			short, cancel := context.WithTimeout(ctx, 5*time.Second)
			err := s.ensure(short)
			cancel()
			if err != nil {
				r.cfg.Log.Warn("input is away; trying again", "durable", s.input.Durable, "error", err)
				continue
			}
			r.mended(s)
		}
	}
}

// heartbeats tells the server, every third of AckWait, that the messages in our hands are being worked
// on, so that a slow model's answer is not bought twice.
func (r *Runner) heartbeats(ctx context.Context) {
	tick := time.NewTicker(r.cfg.AckWait / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		inHand := r.inFlight()
		for _, d := range inHand {
			if err := d.alive(); err != nil {
				r.cfg.Log.Debug("heartbeat not sent", "error", err)
			}
		}
		r.renew(ctx, inHand)
	}
}

// closeInputs stops asking, and gives back what still comes in: a subscription is drained rather than
// cut, so that no message waits for AckWait because nobody heard it.
func (r *Runner) closeInputs() {
	r.mu.Lock()
	r.flow.closing = true
	close(r.jobs)
	r.idle()
	r.mu.Unlock()
	closed := make(chan struct{}, len(r.sources))
	waiting := 0
	for _, s := range r.sources {
		s.sub.SetClosedHandler(func(string) { closed <- struct{}{} })
		if err := s.sub.Drain(); err == nil {
			waiting++
		}
	}
	patience := time.NewTimer(2 * time.Second)
	defer patience.Stop()
	for ; waiting > 0; waiting-- {
		select {
		case <-closed:
		case <-patience.C:
			return
		}
	}
}
