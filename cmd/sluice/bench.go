package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/nats-io/nats.go"

	"sluice/bench"
	"sluice/config"
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

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
