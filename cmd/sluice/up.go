package main

import (
	"context"
	"errors"
	"fmt"

	"sluice/config"
	"sluice/consumers/monitor"
	"sluice/inflight"
	"sluice/llm"
	"sluice/postgres"
)

// upCmd runs the whole ring in this process.
type upCmd struct {
	NatsPort *int    `min:"0" max:"65535" placeholder:"PORT" help:"Port of the embedded NATS server. Default: nats.embedded_port."`
	Listen   address `placeholder:"HOST:PORT" help:"Address of the gateway's HTTP APIs. Default: gateway.listen."`
	MaxSpend dollars `placeholder:"USD" help:"Stop, with status 3, when models have cost this. Nothing is lost: what was not asked waits in the log."`
	Train    bool    `help:"Also train here: watch examples accrue, and do the trainings that are asked for."`
	upstreamFlag
}

// Run works until interrupted.
func (c *upCmd) Run(ctx context.Context, m *Main) (err error) {
	if c.NatsPort != nil && m.config.NATS.URL != "" {
		return usagef("--nats-port is the embedded server's, and nats.url (NATS_URL) names another: leave one of them out")
	}
	c.override(&m.config)
	models, err := c.apply(m)
	if err != nil {
		return err
	}
	defer models.Close()
	cfg := models.cfg
	l, err := m.openLog(ctx, "up", toRun)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	calls := m.openInFlight(ctx, l, inflight.Purse{})
	defer func() { err = errors.Join(err, calls.Close()) }()
	deps := llm.Deps{Spend: spendCap(c.MaxSpend, func() { stop(errBudget) }), Journal: calls.begun()}
	caller, err := openModels(ctx, cfg, deps, append(m.stageNames(), "gateway"))
	if err != nil {
		return err
	}
	defer caller.Close()
	tables := &lazyTables{m: m, database: postgres.DefaultDatabase}
	g, s, err := m.openDoors(ctx, cfg, l, caller, tables.url)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close(ctx), g.Close(ctx)) }()
	defer func() { err = errors.Join(err, tables.Close(ctx)) }()
	w := wholeRing{m: m, log: l, tables: tables, gateway: g, doors: s, emulatorURL: models.url, train: c.Train}
	return w.run(ctx, parts{
		cfg: cfg, js: l.JS, caller: caller, inFlight: calls, log: m.log, tracing: m.tracing, beside: m.beside,
		process: m.process(calls.count), metrics: &metricsAt{}, ready: l.reaches(ctx),
	})
}

// wholeRing is the whole ring in one process, with its doors open.
type wholeRing struct {
	m           *Main
	log         *openedLog
	tables      *lazyTables
	gateway     *openedGateway
	doors       *serving
	emulatorURL string // empty: the models themselves are asked
	train       bool
}

// run has every stage work until ctx ends, or one of them or the training fails.
func (w wholeRing) run(ctx context.Context, p parts) error {
	r := startRing(ctx, p, w.m.allStages(), w.tables.open, w.m.log)
	p.process.Works(r.works)
	select {
	case <-r.begun:
	case <-ctx.Done():
	}
	var failed error
	if t := w.tables.get(); t != nil && ctx.Err() == nil && !r.broken.Load() {
		w.announce(t, p.metrics.url)
		if w.train {
			failed = w.m.trainBeside(r.while(ctx), p.cfg, p.js, t.URL)
			r.stop(failed)
		}
	}
	if err := errors.Join(failed, r.wait()); err != nil {
		return err
	}
	return budgetOrNil(ctx)
}

// announce says where things are, to people and to whoever waits for it.
func (w wholeRing) announce(t *openedTables, metrics string) {
	m, l := w.m, w.log
	fmt.Fprintf(m.Stdout, "the ring is up; Ctrl-C stops it\n")
	fmt.Fprintf(m.Stdout, "  log      %s\n", l.URL)
	fmt.Fprintf(m.Stdout, "  tables   %s\n", t.Cluster.Describe())
	if t.Cluster.Private() {
		fmt.Fprintf(m.Stdout, "           psql '%s'\n", t.URL)
	}
	models := fmt.Sprintf("%s and %s, judged by %s", m.config.Pair.Medium, m.config.Pair.Large, m.config.Judge.Model)
	if w.emulatorURL != "" {
		models += ": all SIMULATED"
	}
	fmt.Fprintf(m.Stdout, "  models   %s\n", models)
	if metrics != "" {
		fmt.Fprintf(m.Stdout, "  metrics  %s\n", metrics)
	}
	fmt.Fprintf(m.Stdout, "  ask      nats --server %s pub queries.asked.web '{\"query\":\"What is the capital of Mongolia?\"}'\n", l.URL)
	w.gateway.announce(m, w.doors)
	m.ready(Where{NATS: l.URL, Postgres: t.shownURL(), Emulator: w.emulatorURL, Metrics: metrics, Gateway: w.doors.http.URL()})
}

// override puts the flags into the configuration.
func (c *upCmd) override(cfg *config.Config) {
	if c.Listen != "" {
		cfg.Gateway.Listen = string(c.Listen)
	}
	if c.NatsPort != nil {
		cfg.NATS.EmbeddedPort = *c.NatsPort
	}
	if cfg.Monitor.Log != monitor.LogOff {
		cfg.Gateway.LogDecisions = false // the monitor of this process writes the line
	}
}

// budgetOrNil is errBudget where ctx ended for it.
func budgetOrNil(ctx context.Context) error {
	if cause := context.Cause(ctx); errors.Is(cause, errBudget) {
		return fmt.Errorf("%w: what was not asked waits in the log; start again with a higher --max-spend to go on", errBudget)
	}
	return nil
}
