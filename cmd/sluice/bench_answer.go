package main

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"

	"sluice/bench"
	"sluice/consumers/answer"
	"sluice/streams"
)

type benchAnswerCmd struct {
	Latency     time.Duration `min:"0" default:"500ms" help:"How long the model takes."`
	Concurrency int           `min:"1" default:"64" help:"Messages in hand of one copy."`
	Waves       int           `min:"1" default:"20" help:"Queries for each place of a copy."`
	JSON        bool          `name:"json" help:"Print one JSON object a measurement."`
}

// Run measures.
func (c *benchAnswerCmd) Run(ctx context.Context, m *Main) (err error) {
	setConcurrency(&m.config, answer.Name, c.Concurrency)
	b, err := m.openBench(ctx, bench.Model{Latency: c.Latency})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	results, err := bench.RunAnswer(ctx, b.ring(nil), bench.AnswerOptions{
		Latency: c.Latency, Concurrency: c.Concurrency, Waves: c.Waves, Copies: []int{1, 4}, Start: b.startAnswer,
	})
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(m.Stdout, results...)
	}
	t := newTable(m.Stdout, "copies", "queries", "seconds", "queries/s", "ideal", "share", "speed-up").numbers(1, 2, 3, 4, 5, 6, 7)
	for _, r := range results {
		t.row(count(r.Copies), count(r.Queries), number(r.Seconds), number(r.PerSecond), number(r.Ideal), number(r.Share), number(r.Speedup))
	}
	t.flush()
	return nil
}

// startAnswer runs copies of the answer stage as processes would: each with a connection, a caller and a
// crew of its own.
func (b *benchRing) startAnswer(ctx context.Context, copies int) (stop func() error, err error) {
	var rings []*ring
	var conns []*nats.Conn
	stop = func() error {
		var errs []error
		for _, r := range rings {
			r.stop(nil)
		}
		for _, r := range rings {
			errs = append(errs, r.wait())
		}
		for _, nc := range conns {
			nc.Close()
		}
		return errors.Join(errs...)
	}
	for range copies {
		nc, err := b.ring(nil).Connect("bench answer")
		if err != nil {
			return nil, errors.Join(err, stop())
		}
		conns = append(conns, nc)
		p := b.parts
		if p.js, err = streams.JetStream(nc); err != nil {
			return nil, errors.Join(err, stop())
		}
		if p.caller, err = benchModels(ctx, b.parts.cfg, b.model, p.inFlight); err != nil {
			return nil, errors.Join(err, stop())
		}
		rings = append(rings, startRing(ctx, p, []string{answer.Name}, nil, b.m.log))
	}
	return stop, nil
}
