package main

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"sluice/consumers"
	"sluice/meter"
	"sluice/streams"
)

// crew is the runners of one process.
type crew struct {
	stages    []consumers.Stage
	runners   []*consumers.Runner
	publisher *streams.Publisher
}

// newCrew makes a runner for every stage. The caller runs it, then closes it. begun is called once all of them ask for
// messages.
func newCrew(p parts, stages []consumers.Stage, log *slog.Logger, begun func()) (*crew, error) {
	publisher, err := streams.NewPublisher(p.js, streams.PublisherOptions{Log: log})
	if err != nil {
		return nil, err
	}
	c := &crew{stages: stages, publisher: publisher}
	var faults []error
	var asking atomic.Int64
	one := func() {
		if asking.Add(1) == int64(len(stages)) {
			begun()
		}
	}
	for _, s := range stages {
		r, err := consumers.New(consumers.Config{
			Stage: s, JS: p.js, Publisher: publisher, AckWait: p.cfg.NATS.AckWait, Log: log, Tracing: p.tracing,
			Billed: p.inFlight.stored(), Begun: one,
		})
		faults = append(faults, err)
		c.runners = append(c.runners, r)
	}
	if err := errors.Join(faults...); err != nil {
		return nil, errors.Join(err, publisher.Close())
	}
	return c, nil
}

// run runs every stage until ctx is done and what was in hand is settled. A stage that can't begin ends
// all.
func (c *crew) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, r := range c.runners {
		g.Go(func() error { return r.Run(ctx) })
	}
	return g.Wait()
}

// Close ends the crew's publisher. The runners must have ended.
func (c *crew) Close() error { return c.publisher.Close() }

// works is what each stage did so far, the runners of one stage together.
func (c *crew) works() []meter.Work {
	var out []meter.Work
	for i, r := range c.runners {
		s := r.Stats()
		if n := len(out); n == 0 || out[n-1].Stage != c.stages[i].Name {
			out = append(out, meter.Work{Stage: c.stages[i].Name, Settled: map[string]uint64{}})
		}
		w := &out[len(out)-1]
		w.Settled["done"] += s.Acked
		for class, n := range s.ByClass {
			w.Settled[string(class)] += n
		}
		w.Redelivered += s.Redelivered
		w.InHand += float64(s.InFlight)
		w.Seconds += s.HandleTime.Seconds()
	}
	return out
}

// times is what each stage did so far, the runners of one stage together.
func (c *crew) times() []stageTime {
	var out []stageTime
	for i, r := range c.runners {
		s := r.Stats()
		if n := len(out); n == 0 || out[n-1].stage != c.stages[i].Name {
			out = append(out, stageTime{stage: c.stages[i].Name, batches: c.stages[i].Batch != nil})
		}
		t := &out[len(out)-1]
		t.settled, t.work, t.calls = t.settled+s.Acked, t.work+s.HandleTime, t.calls+s.HandleCalls
	}
	return out
}
