package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"strconv"
	"time"

	"sluice/bench"
	"sluice/postgres"
)

type benchPipelineCmd struct {
	Queries    int           `min:"1" default:"20000" help:"Queries to send round."`
	Rounds     int           `min:"1" help:"Parts that the queries are sent in, the raw load before, between and after. Default: one for every 10,000 queries."`
	Raw        int           `min:"1" help:"Messages of one turn of the raw load. Default: as many as a part of the queries stores."`
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
		c.Rounds = max(1, c.Queries/10000)
	}
	if c.Queries < c.Rounds {
		return usagef("--queries %d: want at least %d, one for each round", c.Queries, c.Rounds)
	}
	if c.Raw == 0 {
		c.Raw = c.Queries / c.Rounds * bench.StoredPerQuery
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
	t.row("CPU collecting garbage, us a raw message", number(p.RawGCCPUPerMessage))
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
