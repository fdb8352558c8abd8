package main

import (
	"context"
	"log/slog"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"sluice/consumers/monitor"
	"sluice/consumers/record"
)

// ring is stages at work in this process. Those that need no tables begin at once; record and monitor begin when the
// tables are there.
type ring struct {
	log   *slog.Logger
	group *errgroup.Group
	stop  context.CancelCauseFunc
	// begun is closed when every stage runs, ended when none does any more.
	begun, ended chan struct{}
	err          error // why it ended; read after ended

	mu    sync.Mutex
	crews []*crew
}

// startRing starts the named stages. tables opens the database that they write to and is called only if
// record or monitor is among them. The ring works until ctx ends, stop is called, or a stage can't begin; then
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
	go func() { // ends once every part is built or has failed
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
	if open != nil {
		if p.tables, err = open(ctx); err != nil {
			return err
		}
	}
	b, err := p.build(ctx, names)
	if err != nil {
		return err
	}
	defer b.Close()
	c, err := newCrew(p.js, b.stages, p.cfg.NATS.AckWait, r.log)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	r.mu.Lock()
	r.crews = append(r.crews, c)
	r.mu.Unlock()
	built()
	g, ctx := errgroup.WithContext(ctx)
	for _, task := range append(b.tasks, c.run) {
		g.Go(func() error { return task(ctx) })
	}
	return g.Wait()
}

// needsTables says whether a stage writes to Postgres.
func needsTables(stage string) bool { return stage == record.Name || stage == monitor.Name }

// wait waits until every stage has let go, and tells why the ring ended: nil where it was asked to.
func (r *ring) wait() error {
	<-r.ended
	return r.err
}

// times is how long each stage took so far, in the ring's order.
func (r *ring) times(order []string) []stageTime {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []stageTime
	for _, c := range r.crews {
		all = append(all, c.times()...)
	}
	slices.SortStableFunc(all, func(a, b stageTime) int {
		return slices.Index(order, a.stage) - slices.Index(order, b.stage)
	})
	return all
}
