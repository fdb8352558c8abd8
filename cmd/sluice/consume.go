package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"sluice/config"
	"sluice/consumers/monitor"
	"sluice/consumers/record"
	"sluice/consumers/training"
	"sluice/inflight"
	"sluice/llm"
	"sluice/postgres"
)

// consumeCmd runs one stage, as one of any number of copies on any number of machines.
type consumeCmd struct {
	Stage       string  `arg:"" enum:"intake,answer,judge,label,analysis,record,training,monitor" help:"intake, answer, judge, label, analysis, record, training or monitor."`
	Concurrency int     `min:"1" placeholder:"N" help:"Messages in hand at once, or the size of a batch. Default: the stage's in the configuration."`
	MaxSpend    dollars `placeholder:"USD" help:"Stop, with status 3, when this copy's calls have cost this. Nothing is lost: what was not asked waits in the log."`
	Purse       string  `placeholder:"NAME" help:"Share --max-spend with every copy of this stage that names the same purse, wherever and whenever it runs."`
	metricsFlag
	upstreamFlag
}

// Run works until interrupted.
func (c *consumeCmd) Run(ctx context.Context, m *Main) (err error) {
	models, err := c.apply(m)
	if err != nil {
		return err
	}
	defer models.Close()
	cfg := models.cfg
	if err := c.override(&cfg); err != nil {
		return err
	}
	l, err := m.openLog(ctx, "consume "+c.Stage, toRun)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	p := parts{cfg: cfg, js: l.JS, log: m.log, tracing: m.tracing, beside: m.beside, metrics: &metricsAt{}, patience: 30 * time.Second}
	spend := spendCap(c.MaxSpend, func() { stop(errBudget) })
	purse := inflight.Purse{Stage: c.Stage, Name: c.Purse}
	if purse.Name != "" {
		purse.Payer = rand.Text()
	}
	if len(modelsOf(cfg, c.Stage)) > 0 {
		p.inFlight = m.openInFlight(ctx, l, purse)
		defer func() { err = errors.Join(err, p.inFlight.Close()) }()
	}
	if p.caller, err = openModels(ctx, cfg, llm.Deps{Spend: spend, Journal: p.inFlight.begun()}, []string{c.Stage}); err != nil {
		return err
	}
	if p.caller != nil {
		defer p.caller.Close()
	}
	shared, err := m.shareCap(ctx, l.JS, purse, spend)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, shared.Close(ctx)) }()
	tables := &lazyTables{m: m, database: postgres.DefaultDatabase}
	defer func() { err = errors.Join(err, tables.Close(ctx)) }()
	return c.work(ctx, stop, m, p, l, tables.open)
}

// work runs the stage, and tells how it is, until ctx ends or stop is called.
func (c *consumeCmd) work(ctx context.Context, stop context.CancelCauseFunc, m *Main, p parts, l *openedLog, tables func(context.Context) (string, error)) (err error) {
	p.process = m.process(p.inFlight.count)
	e, err := c.endpoint(ctx, m, &p, l)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	r := startRing(ctx, p, []string{c.Stage}, tables, m.log)
	p.process.Works(r.works)
	select {
	case <-r.begun:
		if r.broken.Load() {
			break // why is told below
		}
		if err := m.serves(l, Where{NATS: l.URL, Metrics: cmp.Or(p.metrics.url, e.URL())}); err != nil {
			stop(err)
			return errors.Join(err, r.wait())
		}
		e.readyWhen(l.reaches(ctx))
		m.log.Info("consuming", "stage", c.Stage, "log", l.URL)
	case <-ctx.Done():
	}
	if err := r.wait(); err != nil {
		return fmt.Errorf("consume %s: %w", c.Stage, err)
	}
	return budgetOrNil(ctx)
}

// endpoint tells how the stage is; the monitor has one of its own, with more to tell.
func (c *consumeCmd) endpoint(ctx context.Context, m *Main, p *parts, l *openedLog) (*endpoint, error) {
	if c.Stage == monitor.Name {
		p.ready = l.reaches(ctx)
		return nil, nil //nolint:nilnil // a nil endpoint serves nothing
	}
	return m.alone(ctx, c.metricsFlag, p.process)
}

// override puts the flags into the configuration.
func (c *consumeCmd) override(cfg *config.Config) error {
	cfg.Monitor.MetricsListen = c.address(cfg.Monitor.MetricsListen)
	if c.Purse != "" && (!c.MaxSpend.set || len(modelsOf(*cfg, c.Stage)) == 0) {
		return usagef("--purse shares a --max-spend among copies of a stage that asks models")
	}
	if c.Concurrency > 0 {
		setConcurrency(cfg, c.Stage, c.Concurrency)
	}
	return nil
}

// setConcurrency overrides the configured concurrency of a stage, and of the models that it asks where
// theirs would hold it back.
func setConcurrency(cfg *config.Config, stage string, n int) {
	for _, s := range []struct {
		name string
		at   *config.Stage
	}{
		{"intake", &cfg.Stages.Intake},
		{"answer", &cfg.Stages.Answer},
		{"judge", &cfg.Stages.Judge},
		{"label", &cfg.Stages.Label},
		{"analysis", &cfg.Stages.Analysis},
		{record.Name, &cfg.Stages.Record},
		{training.Name, &cfg.Stages.Training},
		{monitor.Name, &cfg.Stages.Monitor},
	} {
		if s.name == stage {
			s.at.Concurrency = n
		}
	}
	models := append([]config.Model(nil), cfg.Models...)
	for i := range models {
		for _, asked := range modelsOf(*cfg, stage) {
			if models[i].Name == asked {
				models[i].Concurrency = max(models[i].Concurrency, n)
			}
		}
	}
	cfg.Models = models
}
