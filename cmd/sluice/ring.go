package main

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"sluice/consumers/monitor"
	"sluice/consumers/record"
	"sluice/consumers/training"
	"sluice/meter"
	"sluice/postgres"
)

// ring is stages at work in this process. Those that need no tables begin at once; record, training and monitor
// begin when the tables are there.
type ring struct {
	log   *slog.Logger
	group *errgroup.Group
	stop  context.CancelCauseFunc
	// begun is closed when every stage asks for messages, ended when none does any more.
	begun, ended chan struct{}
	err          error       // why it ended; read after ended
	broken       atomic.Bool // some stage could not begin; settled once begun is closed

	mu    sync.Mutex
	crews []*crew
}

// startRing starts the named stages. tables opens the database that they write to and is called only if
// one of these is among the stages. The ring works until ctx ends, stop is called, or a stage can't begin; then
// whoever started it waits.
func startRing(ctx context.Context, p parts, names []string, tables func(context.Context) (string, error), log *slog.Logger) *ring {
	r := &ring{log: log, begun: make(chan struct{}), ended: make(chan struct{})}
	ctx, r.stop = context.WithCancelCause(ctx)
	var gctx context.Context
	r.group, gctx = errgroup.WithContext(ctx)
	early := slices.DeleteFunc(slices.Clone(names), needsTables)
	late := slices.DeleteFunc(slices.Clone(names), func(s string) bool { return !needsTables(s) })
	var built sync.WaitGroup
	part := func(names []string, open func(context.Context) (string, error)) {
		if len(names) == 0 {
			return
		}
		built.Add(1)
		r.group.Go(func() error { return r.run(gctx, p, names, open, sync.OnceFunc(built.Done)) })
	}
	part(early, nil)
	part(late, tables)
	go func() { // ends once every part asks for messages or has failed
		built.Wait()
		close(r.begun)
	}()
	go func() { // ends with the stages; wait waits for it
		r.err = r.group.Wait()
		close(r.ended)
	}()
	return r
}

// run builds stages and works them to the end. What fails because the ring is asked to end is no fault.
func (r *ring) run(ctx context.Context, p parts, names []string, open func(context.Context) (string, error), built func()) (err error) {
	defer func() {
		if ctx.Err() != nil {
			err = nil
		}
	}()
	defer built()
	b, err := r.prepare(ctx, p, names, open)
	if err != nil {
		r.broken.Store(true)
		return err
	}
	defer b.Close()
	c, err := newCrew(p, b.stages, r.log, built)
	if err != nil {
		r.broken.Store(true)
		return err
	}
	defer func() { _ = c.Close() }()
	r.mu.Lock()
	r.crews = append(r.crews, c)
	r.mu.Unlock()
	g, gctx := errgroup.WithContext(ctx) // ctx stays what the caller may end: what fails by itself is a fault
	for _, task := range append(b.tasks, c.run) {
		g.Go(func() error { return task(gctx) })
	}
	return g.Wait()
}

// needsTables says whether a stage writes to Postgres.
func needsTables(stage string) bool {
	return stage == record.Name || stage == training.Name || stage == monitor.Name
}

// prepare opens the tables where they are wanted, and builds the stages. A Postgres that is not there yet, or is
// just coming back, is waited for as long as parts say.
func (r *ring) prepare(ctx context.Context, p parts, names []string, open func(context.Context) (string, error)) (*built, error) {
	began := time.Now()
	for {
		var err error
		if open != nil && p.tables == "" {
			p.tables, err = open(ctx)
		}
		if err == nil {
			var b *built
			if b, err = p.build(ctx, names); err == nil {
				if open != nil {
					b.tasks = append(b.tasks, func(ctx context.Context) error { return untilShutOut(ctx, p.tables) })
				}
				return b, nil
			}
		}
		if open == nil || !postgres.Away(err) || time.Since(began) >= p.patience {
			return nil, err
		}
		r.log.Warn("Postgres is not there yet; trying again", "error", err)
		timer := time.NewTimer(500 * time.Millisecond)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, err
		}
	}
}

// while is ctx until the ring ends.
func (r *ring) while(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	go func() { // ends with the ring
		<-r.ended
		cancel()
	}()
	return ctx
}

// wait waits until every stage has let go, and tells why the ring ended: nil where it was asked to.
func (r *ring) wait() error {
	<-r.ended
	return r.err
}

// works is what each stage did so far.
func (r *ring) works() []meter.Work {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []meter.Work
	for _, c := range r.crews {
		all = append(all, c.works()...)
	}
	return all
}

// times is how long each stage of order took so far, in that order.
func (r *ring) times(order []string) []stageTime {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []stageTime
	for _, c := range r.crews {
		all = append(all, c.times()...)
	}
	all = slices.DeleteFunc(all, func(t stageTime) bool { return !slices.Contains(order, t.stage) })
	slices.SortStableFunc(all, func(a, b stageTime) int {
		return slices.Index(order, a.stage) - slices.Index(order, b.stage)
	})
	return all
}
