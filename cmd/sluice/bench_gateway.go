package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/pprof"
	"slices"
	"time"

	"sluice/bench"
	"sluice/config"
	"sluice/routing/front"
	"sluice/streams"
)

// benchModelName is the model that the loopback upstream plays.
const benchModelName = "bench"

type benchGatewayCmd struct {
	Rounds      int      `min:"1" default:"12" help:"Rounds of every way in turn; with few, one slow moment of the machine decides."`
	Single      int      `min:"1" default:"600" help:"Requests of a round that are sent one after another."`
	Load        int      `min:"1" default:"6000" help:"Requests of a round that are sent by all clients at once."`
	Concurrency int      `min:"1" default:"32" help:"Clients at once."`
	Streams     int      `min:"1" default:"100" help:"Streams of a round."`
	Sync        string   `default:"batch" enum:"none,batch,always" help:"gateway.spool.sync: none, batch or always."`
	Ways        []string `default:"proxy,rules,model" enum:"proxy,rules,model" help:"The ways to measure beside the straight one: proxy, rules, model."`
	Router      string   `placeholder:"DIR" help:"A trained router to measure the gateway with. Default: the default model as it is before training, which is as large and as fast."`
	CPUProfile  string   `placeholder:"FILE" help:"Write a CPU profile of the run."`
	JSON        bool     `name:"json" help:"Print one JSON object."`

	router string // what the router that was measured is called
}

// Run measures the ways to a loopback upstream: straight, through a plain reverse proxy, through a gateway.
func (c *benchGatewayCmd) Run(ctx context.Context, m *Main) (err error) {
	b := &benchRing{m: m}
	defer func() { err = errors.Join(err, b.Close()) }()
	targets, err := c.open(ctx, m, b)
	if err != nil {
		return err
	}
	stop, err := profileTo(c.CPUProfile)
	if err != nil {
		return err
	}
	result, err := bench.RunGateway(ctx, targets, bench.GatewayOptions{
		Rounds: c.Rounds, Single: c.Single, Load: c.Load, Concurrency: c.Concurrency, Streams: c.Streams,
		Progress: func(target string, round int, p50 time.Duration, rps float64) {
			fmt.Fprintf(m.Stderr, "round %d: %-6s p50 %4d us, %6.0f requests/s\n", round, target, p50.Microseconds(), rps)
		},
	})
	if err := errors.Join(err, stop()); err != nil {
		return err
	}
	if err := published(ctx, b, result); err != nil {
		return err
	}
	return c.print(m, result)
}

// open starts upstream, proxy, log and gateways.
func (c *benchGatewayCmd) open(ctx context.Context, m *Main, b *benchRing) ([]bench.Target, error) {
	up, err := bench.StartLoopback()
	if err != nil {
		return nil, err
	}
	b.cleanup = append(b.cleanup, func() error { up.Close(); return nil })
	if b.dir, err = benchDir(); err != nil {
		return nil, err
	}
	b.cleanup = append(b.cleanup, func() error { return os.RemoveAll(b.dir) })
	if b.log, err = m.startServer(ctx, b.dir+"/nats", "bench"); err != nil {
		return nil, err
	}
	b.cleanup = append(b.cleanup, b.log.Close)
	if err := m.applyStreams(ctx, b.log.JS); err != nil {
		return nil, err
	}
	const path = "/v1/chat/completions"
	targets := []bench.Target{
		{Name: "direct", URL: up.Upstream + path, Body: benchBody(benchModelName, false), StreamBody: benchBody(benchModelName, true)},
		{Name: "proxy", URL: up.Proxy + path, Body: benchBody(benchModelName, false), StreamBody: benchBody(benchModelName, true)},
	}
	if !slices.Contains(c.Ways, "proxy") {
		targets = targets[:1]
	}
	for _, name := range []string{"rules", "model"} {
		if !slices.Contains(c.Ways, name) {
			continue
		}
		t, err := c.gateway(ctx, b, up.Upstream, name)
		if err != nil {
			return nil, err
		}
		targets = append(targets, t)
	}
	return targets, nil
}

func benchBody(model string, stream bool) string {
	return fmt.Sprintf(`{"model":%q,"messages":[{"role":"system","content":"Answer in one sentence."},{"role":"user","content":"Which river flows through Baghdad?"}],"stream":%t}`, model, stream)
}

// gateway starts one as sluice gateway does, its lines of decisions written to the null device.
func (c *benchGatewayCmd) gateway(ctx context.Context, b *benchRing, upstream, name string) (bench.Target, error) {
	cfg := c.config(b, upstream)
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return bench.Target{}, err
	}
	b.cleanup = append(b.cleanup, null.Close)
	quiet := *b.m
	quiet.Stderr = null
	caller, err := gatewayModels(ctx, cfg, nil)
	if err != nil {
		return bench.Target{}, err
	}
	b.cleanup = append(b.cleanup, func() error { caller.Close(); return nil })
	g, s, err := quiet.openDoors(ctx, cfg, b.log, caller, quiet.givenTables)
	if err != nil {
		return bench.Target{}, err
	}
	b.cleanup = append(b.cleanup, func() error { return errors.Join(s.Close(ctx), g.Close(ctx)) })
	t := bench.Target{
		Name: name, URL: s.http.URL() + "/v1/chat/completions", Body: benchBody("auto", false), StreamBody: benchBody("auto", true), Settle: g.Spool.Flush,
	}
	if name == "model" {
		r, called, err := benchRouter(ctx, cfg, c.Router)
		if err != nil {
			return t, err
		}
		g.Front.Swap(front.Set{Active: r})
		c.router = called
		t.Load = c.Load / modelShare
	}
	return t, nil
}

// modelShare is how many times fewer requests of the load the router is asked to decide on: each takes it
// thousands of microseconds.
const modelShare = 10

func (c *benchGatewayCmd) config(b *benchRing, upstream string) config.Config {
	cfg := b.m.config
	cfg.DataDir = b.dir
	cfg.Gateway.Listen, cfg.Gateway.Spool.Sync = "127.0.0.1:0", c.Sync
	model := func(name string) config.Model {
		mc := config.DefaultModel(name)
		mc.Provider, mc.BaseURL, mc.KeyEnv, mc.Concurrency = "openai", upstream, "", 256
		return mc
	}
	cfg.Models = []config.Model{model(benchModelName), model(benchModelName + "-large")}
	cfg.Pair = config.Pair{Medium: benchModelName, Large: benchModelName + "-large"}
	for _, mc := range cfg.Models {
		cfg.Prices = append(cfg.Prices, config.Price{Model: mc.Name, Prompt: 300_000, Output: 2_500_000})
	}
	return cfg
}

// published checks that every request of a gateway is one decision in the log.
func published(ctx context.Context, b *benchRing, r bench.GatewayResult) error {
	want := int64(0)
	for _, f := range r.Targets {
		if f.Name == "rules" || f.Name == "model" {
			want += f.Requests
		}
	}
	stream, err := b.log.JS.Stream(ctx, streams.StreamDecisions)
	if err != nil {
		return err
	}
	if got := stream.CachedInfo().State.Msgs; int64(got) != want {
		return fmt.Errorf("%d requests were answered by gateways and %d decisions are in the log", want, got)
	}
	return nil
}

// profileTo writes a CPU profile until stop is called; an empty path writes none.
func profileTo(path string) (stop func() error, err error) {
	if path == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() error { pprof.StopCPUProfile(); return f.Close() }, nil
}

// print shows every way beside the straight one.
func (c *benchGatewayCmd) print(m *Main, r bench.GatewayResult) error {
	direct := r.Targets[0]
	if c.JSON {
		out := map[string]any{"rss_mib": r.RSS, "concurrency": c.Concurrency, "sync": c.Sync, "router": c.router}
		for _, f := range r.Targets {
			out[f.Name+"_p50_us"], out[f.Name+"_p99_us"], out[f.Name+"_rps"] = f.P50.Microseconds(), f.P99.Microseconds(), f.RPS
			out[f.Name+"_cpu_us"] = f.CPU.Microseconds()
			out[f.Name+"_allocations"], out[f.Name+"_first_chunk_p50_us"] = f.Allocations, f.FirstP50.Microseconds()
			if f.Name != direct.Name {
				out[f.Name+"_added_p50_us"], out[f.Name+"_added_p99_us"] = (f.P50 - direct.P50).Microseconds(), (f.P99 - direct.P99).Microseconds()
				out[f.Name+"_added_allocations"], out[f.Name+"_added_first_chunk_p50_us"] = f.Allocations-direct.Allocations, (f.FirstP50 - direct.FirstP50).Microseconds()
			}
		}
		return printJSON(m.Stdout, out)
	}
	t := newTable(m.Stdout, "way", "p50", "p99", "added p50", "requests/s", "CPU", "allocations added", "first chunk added")
	us := func(d time.Duration) string { return fmt.Sprintf("%d us", d.Microseconds()) }
	for _, f := range r.Targets {
		t.row(f.Name, us(f.P50), us(f.P99), us(f.P50-direct.P50), count(int(f.RPS)), us(f.CPU), fmt.Sprintf("%.0f", f.Allocations-direct.Allocations), us(f.FirstP50-direct.FirstP50))
	}
	t.flush()
	fmt.Fprintf(m.Stdout, "router of the model's way: %s\n", c.router)
	fmt.Fprintf(m.Stdout, "memory of the process, upstream, proxy, log and load included: %.0f MiB; every request is one decision in the log\n", r.RSS)
	return nil
}
