package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"sluice"
	"sluice/operate"
	"sluice/streams"
)

// window is a span of the log on the command line.
type window struct {
	Since instant `required:"" placeholder:"DUR|TIME" help:"Messages stored since: 2h, 7d, 2026-01-31 or 2026-01-31T12:00:00Z."`
	Until instant `placeholder:"DUR|TIME" help:"Messages stored before. Default: now."`
}

// check refuses a span that ends before it begins.
func (w window) check() error {
	if !w.Until.IsZero() && !w.Since.Before(w.Until.Time) {
		return usagef("--until %s is not after --since %s", w.Until.Format(time.RFC3339), w.Since.Format(time.RFC3339))
	}
	return nil
}

// replayCmd sends a window of the log through a stage once more.
type replayCmd struct {
	Stage string `required:"" placeholder:"STAGE" enum:"intake,answer,judge,label,analysis,record,monitor,training" help:"intake, answer, judge, label, analysis or record; monitor and training write the tables of the online ring and of trainings."`
	window
	Estimate bool    `help:"Say what the replay would cost, and replay nothing."`
	MaxSpend dollars `placeholder:"USD" help:"Replay nothing if the estimate is above this."`
}

// Run hands the window over; running copies of the stage do the work.
func (c *replayCmd) Run(ctx context.Context, m *Main) error {
	return m.replay(ctx, c.Stage, c.window, c.Estimate, c.MaxSpend)
}

func (m *Main) replay(ctx context.Context, stage string, w window, estimateOnly bool, most dollars) (err error) {
	if err := w.check(); err != nil {
		return err
	}
	l, err := m.openLog(ctx, "replay", toLook)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	r := operate.Replay{
		Stage: stage, Inputs: inputsOf(stage), Since: w.Since.Time, Until: w.Until.Time,
		ID: time.Now().UTC().Format(time.RFC3339Nano),
	}
	if estimateOnly || most.set {
		h := handover{
			messages: r.Messages(ctx, l.JS), smaller: "a shorter --since is a smaller one",
			wants: func(f *forecaster) wants { return f.wants(stage) },
		}
		if err := m.estimateReplay(ctx, l, h, estimateOnly, most); err != nil || estimateOnly {
			return err
		}
	}
	p, err := streams.NewPublisher(l.JS, streams.PublisherOptions{FailWhenFull: true, Log: m.log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	n, err := r.Run(ctx, l.JS, p, nil)
	fmt.Fprintf(m.Stderr, "%s messages handed to %s once more; its copies take them from %s\n", count(n), stage, streams.StreamRetries)
	if ctx.Err() != nil {
		return fmt.Errorf("%w: the rest was not handed over", errInterrupted)
	}
	return err
}

// handover is messages that stages would be given once more, and what each of them wants. smaller says how to hand
// over less.
type handover struct {
	messages iter.Seq2[streams.Message, error]
	wants    func(*forecaster) wants
	smaller  string
}

// estimateReplay prints what the handover would buy and holds it against --max-spend.
func (m *Main) estimateReplay(ctx context.Context, l *openedLog, h handover, show bool, most dollars) (err error) {
	latest, err := streams.NewLatest(l.JS)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, latest.Close()) }()
	f, err := m.newForecaster(ctx, l.JS, latest)
	if err != nil {
		return err
	}
	missing, err := operate.Missing(ctx, latest, h.messages, h.wants(f))
	if err != nil {
		return err
	}
	spends, total, err := f.price(missing)
	if err != nil {
		return err
	}
	if show {
		drawForecast(m, spends, "all", total)
	}
	if most.set && total > sluice.MicroUSD(most.micro) {
		return fmt.Errorf("%w: the replay would cost about %s, above %s; nothing was handed over; %s",
			errBudget, total, sluice.MicroUSD(most.micro), h.smaller)
	}
	return nil
}
