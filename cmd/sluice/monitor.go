package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"sluice"
	"sluice/config"
	"sluice/consumers"
	"sluice/consumers/monitor"
	"sluice/consumers/notify"
	"sluice/consumers/sample"
	"sluice/gateway"
	"sluice/meter"
	"sluice/online"
	"sluice/operate"
	"sluice/postgres"
	"sluice/routing/features"
	"sluice/streams"
)

// metricsAt is told where metrics are served, before the ring has begun.
type metricsAt struct{ url string }

// What the monitor does beside handling messages, and how often.
const (
	slowEvery      = 8                // looks: quality, drift, budgets
	ringEvery      = 5 * time.Second  // lag of the stages
	keepEvery      = 10 * time.Minute // partitions
	driftExamples  = 20_000           // of the training set, and decisions, that drift is measured on
	newsOfAlerts   = time.Hour        // an alert older than that is posted no more
	webhookTimeout = 10 * time.Second
	alertsAtOnce   = 32 // so that alerts which hang at one webhook keep none from the others
)

// monitor makes the stage for each of its streams, the stage that posts alerts where there are webhooks, and what
// runs beside them.
func (p parts) monitor(ctx context.Context, b *built) ([]consumers.Stage, error) {
	if p.tables == "" {
		return nil, errors.New("monitor: no tables")
	}
	if err := p.cfg.UnsetWebhooks(); err != nil {
		return nil, err
	}
	tables, err := postgres.OpenOnline(ctx, p.tables, postgres.OnlineOptions{
		Connections: p.cfg.Postgres.MaxConns, Retention: p.cfg.Monitor.Retention, Now: time.Now,
	})
	if err != nil {
		return nil, fmt.Errorf("monitor: %w", err)
	}
	b.close = append(b.close, tables.Close)
	if _, _, err := tables.Keep(ctx); err != nil {
		return nil, fmt.Errorf("monitor: %w", err)
	}
	if err := tables.RegisterBudgets(ctx, watchedBudgets(p.cfg)); err != nil {
		return nil, fmt.Errorf("monitor: %w", err)
	}
	m := meter.New()
	if p.process != nil {
		m.CountProcess(p.process)
	}
	if err := p.serveMetrics(ctx, b, m); err != nil {
		return nil, err
	}
	if err := p.watch(b, tables, m); err != nil {
		return nil, fmt.Errorf("monitor: %w", err)
	}
	handler := monitor.New(tables, monitor.Lines{Observer: m, Log: p.log, Answers: p.cfg.Monitor.Log}, time.Now)
	var stages []consumers.Stage
	for _, in := range inputsOf(monitor.Name) {
		stages = append(stages, consumers.Stage{Name: monitor.Name, Inputs: []consumers.Input{in}, Batch: handler})
	}
	return append(stages, p.notify()...), nil
}

// notify is the stage that posts alerts; none without webhooks.
func (p parts) notify() []consumers.Stage {
	var hooks []notify.Hook
	for _, h := range p.cfg.Monitor.Webhooks {
		hooks = append(hooks, notify.Hook{URL: p.cfg.WebhookURL(h), Secret: p.cfg.Secrets.Key(h.SecretEnv).Reveal()})
	}
	if len(hooks) == 0 {
		return nil
	}
	return []consumers.Stage{{
		Name: notify.Name, Concurrency: alertsAtOnce, Attempts: 10, Deadline: time.Minute,
		Inputs:  []consumers.Input{{Stream: streams.StreamAlerts, Durable: streams.DurableName(notify.Name, stageVersion)}},
		Handler: notify.New(hooks, &http.Client{Timeout: webhookTimeout}, newsOfAlerts, time.Now, p.beside),
	}}
}

// serveMetrics serves the monitor's metrics; a task says whether that fails.
func (p parts) serveMetrics(ctx context.Context, b *built, m *meter.Meter) error {
	addr := p.cfg.Monitor.MetricsListen
	if addr == "" {
		return nil
	}
	e, err := openEndpoint(ctx, "monitor.metrics_listen", addr, m.Handler())
	if err != nil {
		return err
	}
	b.close = append(b.close, func() { _ = e.Close() })
	if p.metrics != nil {
		p.metrics.url = e.url
	}
	b.tasks = append(b.tasks, func(ctx context.Context) error {
		e.readyWhen(p.ready)
		select {
		case err := <-e.failed:
			return err
		case <-ctx.Done():
			return nil
		}
	})
	return nil
}

// watch adds the tasks that look at the tables and at the log.
func (p parts) watch(b *built, tables *postgres.Online, m *meter.Meter) error {
	publisher, err := streams.NewPublisher(p.js, streams.PublisherOptions{Log: p.log})
	if err != nil {
		return err
	}
	b.close = append(b.close, func() { _ = publisher.Close() })
	c := p.cfg.Monitor
	watcher := monitor.NewWatcher(monitor.WatcherOptions{
		Windows: tables, Quality: tables, Reference: trainingSet{tables, p.cfg.Training.ReferenceFree}, Publisher: publisher, Display: m,
		Budgets: watchedBudgets(p.cfg), Rules: rulesOf(c), QualitySpan: c.QualitySpan, DriftSpan: c.DriftSpan,
		SlowEvery: slowEvery * c.Every, Now: time.Now,
	})
	task := func(every time.Duration, what string, do func(context.Context) error) {
		b.tasks = append(b.tasks, p.repeated(every, what, do))
	}
	if p.beside != nil {
		raise := panicAlerts(p.beside, func(ctx context.Context, a sluice.Alert) { storeAlert(ctx, p.log, publisher, a) })
		b.tasks = append(b.tasks, func(ctx context.Context) error { raise(ctx); return nil })
	}
	task(c.Every, "look at the online ring", watcher.Look)
	task(keepEvery, "keep the tables of decisions", func(ctx context.Context) error {
		_, _, err := tables.Keep(ctx)
		return err
	})
	task(ringEvery, "look at the stages", p.lookAtRing(m))
	if c.Sample.Share > 0 {
		sampler := sample.New(tables, publisher, planOf(p.cfg), time.Now, m.Sampled)
		if p.tracing != nil {
			sampler.Follow(p.traceOf)
		}
		task(c.Sample.Every, "choose queries to label", sampler.Round)
	}
	return nil
}

// lookAtRing shows how far the stages are.
func (p parts) lookAtRing(m *meter.Meter) func(context.Context) error {
	var before operate.Status
	return func(ctx context.Context) error {
		s, err := operate.Look(ctx, p.js, nil, before, time.Now().UTC())
		if err == nil {
			before = s
			m.ShowRing(gauged(s))
		}
		return err
	}
}

// traceOf is the trace of the request that a decision was about; empty where it has none, or the log can't tell now.
func (p parts) traceOf(ctx context.Context, decisionID string) string {
	parent, err := streams.TraceOf(ctx, p.js, streams.StreamDecisions, streams.TakenSubject(decisionID))
	if err != nil {
		p.log.Debug("a sampled query begins a trace of its own", "decision", decisionID, "error", err)
	}
	return parent
}

// repeated is a task that does something again and again; a round that panics is one that failed, and is told.
func (p parts) repeated(every time.Duration, what string, do func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		return repeat(ctx, every, p.log, what, func(ctx context.Context) error {
			return p.beside.Contain(what, func() error { return do(ctx) })
		})
	}
}

// repeat does something at once and then every so often until ctx ends. A failure is logged once it has lasted for two
// rounds, and ends nothing: tables and log come back.
func repeat(ctx context.Context, every time.Duration, log *slog.Logger, what string, do func(context.Context) error) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for failed := 0; ; {
		err := do(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			failed = 0
		default:
			if failed++; failed == 2 || failed%100 == 0 {
				log.Warn("can't "+what+"; trying again", "rounds", failed, "error", err)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// trainingSet is what drift is measured against: the examples that training sees.
type trainingSet struct {
	*postgres.Online
	referenceFree bool
}

// Trained describes the examples.
func (t trainingSet) Trained(ctx context.Context) (online.Profile, error) {
	return t.Online.Trained(ctx, t.referenceFree, driftExamples, featuresOf)
}

// Traffic describes what comes in.
func (t trainingSet) Traffic(ctx context.Context, since time.Time, reference online.Profile) (online.Profile, error) {
	return t.Online.Traffic(ctx, since, driftExamples, reference)
}

func rulesOf(c config.Monitor) []online.Rule {
	var rules []online.Rule
	for _, r := range c.Rules {
		rules = append(rules, online.Rule{Name: r.Name, Limit: r.Limit, Window: r.Window, Least: int64(r.Least), Severity: r.Severity})
	}
	return rules
}

func planOf(c config.Config) online.Plan {
	usd := func(dollars float64) sluice.MicroUSD { return sluice.MicroUSD(dollars * 1e6) }
	s := c.Monitor.Sample
	return online.Plan{
		Lookback: s.Lookback, Share: s.Share, Even: s.Even, PerDay: s.PerDay, SpendPerDay: usd(s.USDPerDay), CostEach: usd(s.USDEach),
		OptedOut: s.OptedOut, MaxBytes: min(c.Query.MaxBytes, gateway.MostStored*3/4), // a text that was cut is another question
	}
}

// gauged is a look at the ring as the meter wants it.
func gauged(s operate.Status) ([]meter.Stage, []meter.Stream) {
	var stages []meter.Stage
	for _, st := range s.Stages {
		stages = append(stages, meter.Stage{
			Name: st.Stage, Lag: float64(st.Lag), InHand: float64(st.InFlight), Redelivered: float64(st.Redelivered),
			Waiting: float64(st.Waiting), PerSecond: st.PerSecond, DeadByReason: st.DeadReason,
		})
	}
	var all []meter.Stream
	for _, st := range s.Streams {
		all = append(all, meter.Stream{Name: st.Stream, Messages: float64(st.Messages), Bytes: float64(st.Bytes)})
	}
	return stages, all
}

// watchedBudgets is the configured budgets as the monitor watches them. Limits were checked when the
// configuration was loaded.
func watchedBudgets(c config.Config) []online.Budget {
	var out []online.Budget
	for _, l := range c.Budgets.Limits {
		limit, err := l.MicroUSD()
		if err != nil {
			continue
		}
		out = append(out, online.Budget{Name: l.Name, Scope: l.Scope, Subject: l.Match, Period: l.Period, Cap: limit})
	}
	return out
}

// featuresOf measures a text as gateways do.
func featuresOf(text string) map[string]float64 { return features.Of(text).Map() }
