package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"sluice/bench"
	"sluice/config"
	"sluice/consumers/answer"
	"sluice/inflight"
	"sluice/llm"
	"sluice/postgres"
	"sluice/streams"
)

// benchCmd measures this machine. Every run has a log and tables of its own, which it removes.
type benchCmd struct {
	Pipeline benchPipelineCmd `cmd:"" help:"The whole ring with models that reply at once, against what the log alone can carry."`
	Answer   benchAnswerCmd   `cmd:"" help:"The answer stage with a slow model, one copy and four, against the ideal."`
	Cold     benchColdCmd     `cmd:"" help:"The time from a cold start to the first label, and the memory of an idle ring."`
	Router   benchRouterCmd   `cmd:"" help:"What a decision of the router takes, with its prompt's constant part cached and without."`
	Train    benchTrainCmd    `cmd:"" help:"What training the default router takes: SFT for three epochs, DPO for one."`
	Gateway  benchGatewayCmd  `cmd:"" help:"What a gateway adds to a model call, against the same call straight and through a plain reverse proxy."`
}

// benchRing is a log and tables of the run's own, and the parts to make stages of.
type benchRing struct {
	m       *Main
	dir     string
	model   bench.Model
	log     *openedLog
	tables  *openedTables
	parts   parts
	cleanup []func() error
}

// openBench starts a log and Postgres with every guarantee on in a directory of their own, with models in
// process in place of providers.
func (m *Main) openBench(ctx context.Context, model bench.Model) (_ *benchRing, err error) {
	b := &benchRing{m: m, model: model}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.Close())
		}
	}()
	if b.dir, err = benchDir(); err != nil {
		return nil, err
	}
	b.cleanup = append(b.cleanup, func() error { return os.RemoveAll(b.dir) })
	m.config.DataDir = b.dir
	if b.log, err = m.startServer(ctx, filepath.Join(b.dir, "nats"), "bench"); err != nil {
		return nil, err
	}
	b.cleanup = append(b.cleanup, b.log.Close)
	if err := m.applyStreams(ctx, b.log.JS); err != nil {
		return nil, err
	}
	calls := m.openInFlight(ctx, b.log, inflight.Purse{})
	b.cleanup = append(b.cleanup, calls.Close)
	caller, err := benchModels(ctx, m.config, model, calls)
	if err != nil {
		return nil, err
	}
	b.parts = parts{cfg: m.config, js: b.log.JS, caller: caller, inFlight: calls}
	return b, nil
}

// benchDir is a new directory that the user whom root's Postgres runs as may enter: a cluster that had to be
// kept elsewhere would stay there.
func benchDir() (string, error) {
	dir, err := os.MkdirTemp("", "sluice-bench-")
	if err == nil {
		err = os.Chmod(dir, 0o755) //nolint:gosec // see above
	}
	if err != nil {
		return "", fmt.Errorf("a directory for the benchmark: %w", err)
	}
	return dir, nil
}

// benchModels answers for every configured model.
func benchModels(ctx context.Context, cfg config.Config, model bench.Model, calls *callsInFlight) (*llm.Caller, error) {
	lc := llm.Config{Prices: cfg.PriceRows()}
	deps := llm.Deps{Providers: map[string]llm.Provider{}, Journal: calls.begun()}
	for _, mc := range cfg.Models {
		lc.Models = append(lc.Models, modelConfig(mc))
		deps.Providers[mc.Name] = model
	}
	return llm.New(ctx, lc, deps)
}

// openTables starts Postgres: the operator's own is left alone.
func (b *benchRing) openTables(ctx context.Context) error {
	cluster, err := postgres.Start(ctx, postgres.Options{Dir: filepath.Join(b.dir, "postgres"), BinDir: b.m.config.Postgres.BinDir})
	if err != nil {
		return err
	}
	b.tables = &openedTables{Cluster: cluster, URL: cluster.URL("")}
	b.cleanup = append(b.cleanup, func() error { return b.tables.Close(ctx) })
	_, err = postgres.Migrate(ctx, b.tables.URL)
	return err
}

// ring is what the benchmarks see.
func (b *benchRing) ring(db *postgres.DB) bench.Ring {
	r := bench.Ring{Connect: func(name string) (*nats.Conn, error) {
		return streams.Connect(b.log.URL, streams.ConnectOptions{Name: name, InProcess: b.log.server})
	}}
	if db == nil {
		return r
	}
	r.PostgresPID = b.tables.Cluster.PID()
	r.Examples = func(ctx context.Context) (int64, error) {
		t, err := db.Table(ctx, "SELECT count(*) FROM examples")
		if err != nil {
			return 0, err
		}
		n, ok := t.Rows[0][0].(int64)
		if !ok {
			return 0, fmt.Errorf("count examples: Postgres says %v", t.Rows[0][0])
		}
		return n, nil
	}
	return r
}

// Close stops and removes everything, last opened first.
func (b *benchRing) Close() error {
	var errs []error
	for i := len(b.cleanup) - 1; i >= 0; i-- {
		errs = append(errs, b.cleanup[i]())
	}
	return errors.Join(errs...)
}

type benchPipelineCmd struct {
	Queries    int           `min:"1" default:"20000" help:"Queries to send round."`
	Rounds     int           `min:"1" help:"Parts that the queries are sent in, the raw load before, between and after. Default: 5, or one for every 10,000 with --growth."`
	Raw        int           `min:"1" default:"30000" help:"Messages of one turn of the raw load."`
	Growth     bool          `help:"Show what a query costs behind many others, in turn with rings that have just begun."`
	Pause      time.Duration `min:"0" help:"Rest before the last fifth of the parts. After two minutes the log's server lets go of what it keeps of blocks that nobody uses, as a ring at work for hours would have."`
	Seed       uint64        `default:"1" help:"Another seed draws another order."`
	JSON       bool          `name:"json" help:"Print one JSON object."`
	CPUProfile string        `placeholder:"FILE" help:"Write a CPU profile of each part, into FILE.1 and so on."`
	MemProfile string        `placeholder:"FILE" help:"Write a heap profile after each part, into FILE.1 and so on."`
}

// Run measures.
func (c *benchPipelineCmd) Run(ctx context.Context, m *Main) (err error) {
	if c.Rounds == 0 {
		c.Rounds = 5
		if c.Growth {
			c.Rounds = max(2, c.Queries/10000)
		}
	}
	if c.Queries < c.Rounds {
		return usagef("--queries %d: want at least %d, one for each round", c.Queries, c.Rounds)
	}
	b, err := m.openBench(ctx, bench.Model{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	if err := b.openTables(ctx); err != nil {
		return err
	}
	db, err := postgres.Connect(ctx, b.tables.URL, "sluice bench", 1)
	if err != nil {
		return err
	}
	defer db.Close()
	r := startRing(ctx, b.parts, m.stageNames(), func(context.Context) (string, error) { return b.tables.URL, nil }, m.log)
	defer func() {
		r.stop(nil)
		err = errors.Join(err, r.wait())
	}()
	<-r.begun
	o := bench.PipelineOptions{
		Queries: c.Queries, Rounds: c.Rounds, RawMessages: c.Raw, Pause: c.Pause, Seed: c.Seed, Profile: c.profile, Progress: func(p bench.Part) {
			fmt.Fprintf(m.Stderr, "%s queries: %.0f queries/s, CPU %.0f us a query, and %.0f us in Postgres\n",
				count(p.Done), p.QueriesPerSecond, p.CPUPerQuery, p.PostgresCPUPerQuery)
		},
	}
	if c.Growth {
		if o.Beginning, err = c.beginning(m); err != nil {
			return err
		}
	}
	result, err := bench.RunPipeline(ctx, b.ring(db), o)
	if err != nil {
		return err
	}
	return c.print(m, result)
}

// beginning is this very program with a ring of 15,000 queries (of a tenth of the run's, if that is less), of which
// the last two thirds count: around the 10,000th.
func (c *benchPipelineCmd) beginning(m *Main) (*bench.Beginning, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("this binary: %w", err)
	}
	command := []string{
		self, "bench", "pipeline", "--queries", strconv.Itoa(max(3, min(15000, c.Queries/10))), "--rounds", "3",
		"--raw", strconv.Itoa(c.Raw), "--seed", strconv.FormatUint(c.Seed, 10), "--json", "--log-level", m.cli.LogLevel,
	}
	if m.cli.Config != "" {
		command = append(command, "--config", m.cli.Config)
	}
	for _, set := range m.cli.Set {
		command = append(command, "--set", set)
	}
	return &bench.Beginning{Command: command, Skip: 1}, nil
}

// profile begins the profiles of a part; stop writes them.
func (c *benchPipelineCmd) profile(part int) (stop func() error, err error) {
	stopCPU, err := c.profileCPU(part)
	if err != nil || c.MemProfile == "" {
		return stopCPU, err
	}
	return func() error { return errors.Join(stopCPU(), c.profileMemory(part)) }, nil
}

func (c *benchPipelineCmd) profileCPU(part int) (stop func() error, err error) {
	if c.CPUProfile == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(c.CPUProfile + "." + count(part))
	if err != nil {
		return nil, fmt.Errorf("--cpu-profile: %w", err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(fmt.Errorf("--cpu-profile: %w", err), f.Close())
	}
	return func() error { pprof.StopCPUProfile(); return f.Close() }, nil
}

// profileMemory writes what lives, after a collection of its own, and what was ever allocated.
func (c *benchPipelineCmd) profileMemory(part int) error {
	f, err := os.Create(c.MemProfile + "." + count(part))
	if err != nil {
		return fmt.Errorf("--mem-profile: %w", err)
	}
	runtime.GC()
	return errors.Join(pprof.WriteHeapProfile(f), f.Close())
}

func (c *benchPipelineCmd) print(m *Main, p bench.Pipeline) error {
	if c.JSON {
		return printJSON(m.Stdout, p)
	}
	t := newTable(m.Stdout).numbers(2)
	t.row("queries a second", number(p.QueriesPerSecond))
	t.row("messages a query", number(p.MessagesPerQuery))
	t.row("deliveries a query", number(p.DeliveriesPerQuery))
	t.row("messages a second, pipeline", number(p.MessagesPerSecond))
	t.row("messages a second, raw", number(p.RawPerSecond))
	t.row("ratio", number(p.Ratio))
	t.row("ratio of the parts, lowest and highest", number(p.RatioLow)+" "+number(p.RatioHigh))
	t.row("CPU, us a raw message", number(p.RawCPUPerMessage))
	t.row("that, of the ring's CPU a message", number(p.CPUShare))
	t.row("CPU, us a query", number(p.CPUPerQuery))
	t.row("CPU of Postgres, us a query", number(p.PostgresCPUPerQuery))
	t.row("peak memory, MiB", number(p.PeakRSS))
	if g := p.Growth; g != nil {
		for _, s := range []bench.Stretch{g.Young, g.Old} {
			of := fmt.Sprintf(" from %s to %s queries", count(s.From), count(s.To))
			t.row("CPU, us a query"+of, number(s.CPUPerQuery))
			t.row("of it collecting garbage, us"+of, number(s.GCCPUPerQuery))
			t.row("of it in the kernel, us"+of, number(s.KernelCPUPerQuery))
			t.row("CPU of Postgres, us a query"+of, number(s.PostgresCPUPerQuery))
		}
		t.row("growth of CPU a query, of Postgres's, of both", number(g.CPU)+" "+number(g.Postgres)+" "+number(g.All))
	}
	t.flush()
	return nil
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

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
		for i, r := range rings {
			errs = append(errs, r.wait())
			conns[i].Close()
		}
		return errors.Join(errs...)
	}
	for range copies {
		nc, err := b.ring(nil).Connect("bench answer")
		if err != nil {
			return nil, errors.Join(err, stop())
		}
		p := b.parts
		if p.js, err = streams.JetStream(nc); err != nil {
			return nil, errors.Join(err, stop())
		}
		if p.caller, err = benchModels(ctx, b.parts.cfg, b.model, p.inFlight); err != nil {
			return nil, errors.Join(err, stop())
		}
		rings, conns = append(rings, startRing(ctx, p, []string{answer.Name}, nil, b.m.log)), append(conns, nc)
	}
	return stop, nil
}

type benchColdCmd struct {
	Starts int           `min:"1" default:"5" help:"Cold starts to measure, after one that makes the Postgres cluster."`
	Idle   time.Duration `min:"0" default:"5s" help:"How long the ring is left alone before its memory is read."`
	JSON   bool          `name:"json" help:"Print one JSON object."`
}

// Run measures this very binary.
func (c *benchColdCmd) Run(ctx context.Context, m *Main) (err error) {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("this binary: %w", err)
	}
	dir, err := benchDir()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	result, err := bench.RunCold(ctx, bench.ColdOptions{
		Command:    []string{self, "up", "--upstream", "emulator", "--data-dir", dir, "--log-level", "error", "--set", "gateway.listen=127.0.0.1:0"},
		Env:        []string{"PATH=" + m.Getenv("PATH"), "HOME=" + m.Getenv("HOME")},
		ServerFile: serverFilePath(filepath.Join(dir, "nats")),
		Idle:       c.Idle, Starts: c.Starts,
	})
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(m.Stdout, result)
	}
	t := newTable(m.Stdout).numbers(2)
	for i, s := range result.FirstLabelSeconds {
		t.row(fmt.Sprintf("start %d to the first label, s", i+1), number(s))
	}
	t.row("memory of the idle ring, MiB", number(result.IdleRSS))
	t.row("of it its own, MiB", number(result.IdleOwn))
	t.flush()
	return nil
}
