package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"sluice/config"
	"sluice/consumers/training"
	"sluice/llm"
	"sluice/llm/emulator"
	"sluice/producers"
	"sluice/streams"
)

// demoCmd carries questions round the whole ring once, from nothing, and says what came of it.
type demoCmd struct {
	Dataset  string  `placeholder:"PATH" help:"Questions to ask: SimpleQA's csv, NQ-open, graded rows of recorded answers, or jsonl of the published contract. Default: the built-in bank."`
	Medium   string  `placeholder:"MODEL" help:"The medium model. Default: pair.medium."`
	Large    string  `placeholder:"MODEL" help:"The large model. Default: pair.large."`
	Limit    int     `min:"1" placeholder:"N" help:"Take the first N rows. Default: all of a file, 300 of the bank."`
	JSON     bool    `name:"json" help:"End with one JSON object on standard output; what is for people goes to standard error."`
	Upstream string  `default:"emulator" enum:"emulator,gemini" help:"emulator simulates the models, whatever keys are set; gemini asks the configured ones and costs money."`
	MaxSpend dollars `placeholder:"USD" help:"Stop, with status 3, when the calls have cost this."`
	Train    bool    `help:"Then train a router on what was labelled, measure it, promote it or say why not, and route a few queries."`
	Keep     bool    `help:"Go on running after the summary, until interrupted, for a look around."`
	emulated
}

// demo is one run under way.
type demo struct {
	m       *Main
	c       *demoCmd
	cfg     config.Config
	in      demoInput
	started time.Time
	// tenant is what the run's rows are found under in somebody else's database; empty in our own.
	tenant   string
	upstream string

	log       *openedLog
	tables    *lazyTables
	ring      *ring
	published int
	publishAt time.Time
	working   time.Duration
}

// Run is the whole demo.
func (c *demoCmd) Run(ctx context.Context, m *Main) (err error) {
	// A log of the run's own, whatever is configured: one server on a free port.
	m.config.NATS.Replicas, m.config.NATS.EmbeddedPort, m.config.NATS.MaxBytes = 1, 0, 0
	d := &demo{m: m, c: c, cfg: m.config, started: time.Now()}
	if c.Medium != "" {
		d.cfg.Pair.Medium = c.Medium
	}
	if c.Large != "" {
		d.cfg.Pair.Large = c.Large
	}
	if d.in, err = c.input(m, d.cfg); err != nil {
		return err
	}
	closeUpstream, err := d.openUpstream()
	if err != nil {
		return err
	}
	defer closeUpstream()
	if err := d.cfg.Validate(); err != nil {
		return err
	}
	closeLog, err := d.openLog(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeLog()) }()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	caller, err := openModels(ctx, d.cfg, llm.Deps{Spend: spendCap(c.MaxSpend, func() { stop(errBudget) })}, m.stageNames())
	if err != nil {
		return err
	}
	defer caller.Close()
	d.openTables()
	defer func() { err = errors.Join(err, d.tables.Close(ctx)) }()
	d.ring = startRing(ctx, parts{cfg: d.cfg, js: d.log.JS, caller: caller, tracing: m.tracing}, d.stages(), d.tables.open, m.log)
	defer func() {
		d.ring.stop(nil)
		err = errors.Join(err, d.ring.wait())
	}()
	return d.flow(ctx)
}

// stages are those of the offline ring, and with a training the one that writes that down.
func (d *demo) stages() []string {
	if d.c.Train {
		return append(d.m.stageNames(), training.Name)
	}
	return d.m.stageNames()
}

// flow publishes, waits and tells.
func (d *demo) flow(ctx context.Context) error {
	if err := d.publish(ctx); err != nil {
		return err
	}
	if err := d.await(ctx); err != nil {
		return err
	}
	s, err := d.summarize(ctx)
	if err != nil {
		return err
	}
	s.draw(d.out())
	if d.c.Train {
		if s.Training, err = d.train(ctx); err != nil {
			return err
		}
		s.Training.draw(d.out(), s.asking())
		s.Seconds = float64(time.Since(d.started).Milliseconds()) / 1000
	}
	if d.c.JSON {
		if err := printJSON(d.m.Stdout, s); err != nil {
			return fmt.Errorf("print the summary: %w", err)
		}
	}
	if d.c.Keep {
		d.lookAround(ctx)
	}
	return nil
}

// out takes what is for people: standard output, unless that is the JSON object's alone.
func (d *demo) out() io.Writer {
	if d.c.JSON {
		return d.m.Stderr
	}
	return d.m.Stdout
}

// openUpstream starts the emulator over HTTP, or leaves the configured models as they are.
func (d *demo) openUpstream() (func(), error) {
	if d.c.Upstream == "gemini" {
		d.upstream = d.c.Upstream
		return func() {}, nil
	}
	var s *emulator.Server
	s, url, err := startEmulator(d.cfg, d.in.source, d.c.emulated)
	if err != nil {
		return nil, err
	}
	d.upstream = s.Name()
	d.cfg = emulateModels(d.cfg, url)
	return s.Close, nil
}

// openLog starts a log of the run's own, from nothing.
func (d *demo) openLog(ctx context.Context) (func() error, error) {
	store := filepath.Join(d.cfg.DataDir, "demo", "nats")
	lock, err := emptyDir(store)
	if errors.Is(err, errTaken) {
		return nil, fmt.Errorf("another demo runs there: %w; wait for it, or choose another --data-dir", err)
	}
	if err != nil {
		return nil, err
	}
	if d.log, err = d.m.startServer(ctx, store, "demo"); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	d.log.lock = lock
	if err := d.m.applyStreams(ctx, d.log.JS); err != nil {
		return nil, errors.Join(err, d.log.Close())
	}
	return d.log.Close, nil
}

// emptyDir takes a directory that nobody else uses, and empties it. The file that is locked stays: who locks one
// that was removed holds nothing.
func emptyDir(dir string) (*os.File, error) {
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if e.Name() != filepath.Base(lock.Name()) {
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("clear the last demo's log: %w", err), lock.Close())
	}
	return lock, nil
}

// openTables arranges for a fresh database of the private cluster, or for a tenant of the run's own in
// DATABASE_URL's. The ring opens it while the first questions are on their way.
func (d *demo) openTables() {
	d.tables = &lazyTables{m: d.m, prepare: d.freshTables}
	if d.cfg.Secrets.DatabaseURL.Set() {
		d.tenant = "demo-" + d.started.UTC().Format("20060102T150405.000")
	}
}

func (d *demo) freshTables(ctx context.Context) (*openedTables, error) {
	cluster, err := d.m.startPostgres(ctx, d.m.log)
	if err != nil {
		return nil, err
	}
	t := &openedTables{Cluster: cluster, URL: cluster.URL("")}
	if cluster.Private() {
		t.URL = cluster.URL(demoDatabase)
		err = cluster.DropDatabase(ctx, demoDatabase)
		if err == nil {
			err = cluster.CreateDatabase(ctx, demoDatabase)
		}
	}
	if err == nil {
		_, err = t.migrate(ctx, d.m)
	}
	if err != nil {
		return nil, errors.Join(err, t.Close(ctx))
	}
	return t, nil
}

// publish asks every question as any upstream does.
func (d *demo) publish(ctx context.Context) error {
	p, err := streams.NewPublisher(d.log.JS, streams.PublisherOptions{FailWhenFull: true, Log: d.m.log})
	if err != nil {
		return err
	}
	d.publishAt = time.Now()
	report, err := producers.Publish(ctx, p, producers.Options{Source: d.in.subject, Tracing: d.m.tracing}, withTenant(d.in.rows, d.tenant))
	d.published = report.Published
	if errors.Is(err, producers.ErrStopped) {
		err = errInterrupted
	}
	if err = errors.Join(err, p.Close()); err != nil {
		return err
	}
	if d.published == 0 {
		return fmt.Errorf("%s holds no question that can be asked%s", d.in.name, reasons(d.in.skipped))
	}
	fmt.Fprintf(d.m.Stderr, "%s questions of %s published to %s; upstream %s\n", count(d.published), d.in.name, d.log.URL, d.upstream)
	return nil
}

// lookAround keeps everything up until interrupted.
func (d *demo) lookAround(ctx context.Context) {
	t := d.tables.get()
	fmt.Fprintf(d.m.Stderr, "\nstill running, until Ctrl-C:\n  log     %s (NATS_URL=%s sluice status)\n  tables  %s\n", d.log.URL, d.log.URL, t.shownURL())
	d.m.ready(Where{NATS: d.log.URL, Postgres: t.shownURL()})
	<-ctx.Done()
}
