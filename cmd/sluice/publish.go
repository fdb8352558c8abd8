package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"strings"
	"time"

	"sluice"
	"sluice/pricing"
	"sluice/producers"
	"sluice/streams"
)

// publishCmd asks the questions of a file.
type publishCmd struct {
	File     string        `arg:"" optional:"" help:"The data set: csv or jsonl, gzipped or not. Without one, the built-in bank."`
	Format   string        `placeholder:"FORMAT" enum:"simpleqa,nq,recorded,jsonl,custom,bank," default:"" help:"simpleqa, nq, recorded, jsonl (with --map) or bank; told by the file's first line where it can be."`
	Map      string        `placeholder:"query=FIELD,..." help:"Which field of a jsonl is what: query=prompt,id=uid,ground_truth=refs,tags=domain."`
	Limit    int           `min:"1" placeholder:"N" help:"Publish the first N rows of the file."`
	Tenant   string        `placeholder:"NAME" help:"Tenant of rows that name none. Default: the default tenant, which has no name."`
	Source   string        `help:"Source that the questions are published under. Default: the format's name."`
	Tag      []string      `help:"Tag added to every row; may be repeated."`
	AsTest   bool          `help:"Keep every row out of training."`
	Rate     float64       `min:"0" placeholder:"ROWS" help:"Rows per second. Default: as fast as the log takes them."`
	Patience time.Duration `min:"0" default:"2m" help:"How long rows that the log does not take (it is full, or away) are offered again before giving up."`
	Again    bool          `help:"Publish rows again that an earlier run has published; the ring knows them and answers none twice."`
	Estimate bool          `help:"Say what the rows would cost on their way through the ring, and publish nothing."`
	MaxSpend dollars       `placeholder:"USD" help:"Publish nothing if the estimate is above this."`
}

// Run publishes, or estimates.
func (c *publishCmd) Run(ctx context.Context, m *Main) error {
	in, err := m.openDataset(c.File, c.Format, c.Map)
	if err != nil {
		return err
	}
	rows := producers.Select(producers.Selection{Limit: c.Limit, Tenant: c.Tenant}, in.rows)
	if c.Estimate || c.MaxSpend.set {
		if err := c.estimate(m, rows); err != nil || c.Estimate {
			return err
		}
	}
	return c.publish(ctx, m, in, rows)
}

func (c *publishCmd) publish(ctx context.Context, m *Main, in dataset, rows iter.Seq2[producers.Row, error]) (err error) {
	survey, err := producers.Count(rows)
	if err != nil {
		return err
	}
	l, err := m.openLog(ctx, "publish", toRun)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	p, err := streams.NewPublisher(l.JS, streams.PublisherOptions{FailWhenFull: true, Log: m.log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	checkpoint, err := c.checkpoint(ctx, m, l, in)
	if err != nil {
		return err
	}
	display := producers.NewDisplay(m.Stderr, isTerminal(m.Stderr), in.name, survey.Rows)
	report, err := producers.Publish(ctx, p, producers.Options{
		Source: c.source(in), Tags: c.Tag, AsTest: c.AsTest, Rate: c.Rate, Checkpoint: checkpoint, Watcher: display,
		Patience: c.Patience, Tracing: m.tracing,
	}, rows)
	display.Done(report)
	if errors.Is(err, producers.ErrStopped) {
		return fmt.Errorf("%w: the same command goes on where this one stopped (%w)", errInterrupted, err)
	}
	if err == nil && report.Invalid > 0 && report.Published+report.Resumed == 0 {
		return fmt.Errorf("%s: none of its rows can become a question; what is wrong with them is said above", in.name)
	}
	return err
}

func (c *publishCmd) source(in dataset) string {
	if c.Source != "" {
		return c.Source
	}
	return in.source
}

// checkpoint finds how far an earlier run of the same file into the same log came. Whoever may only publish can't
// ask which log it is, and begins at the first row: the ring knows those that it has.
func (c *publishCmd) checkpoint(ctx context.Context, m *Main, l *openedLog, in dataset) (*producers.Checkpoint, error) {
	if in.path == "" || streams.Role(m.config.NATS.Role) == streams.RoleUpstream {
		return nil, nil // the bank is small
	}
	hash, err := producers.HashFile(in.path)
	if err != nil {
		return nil, err
	}
	s, err := l.JS.Stream(ctx, streams.StreamQueries)
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", streams.StreamQueries, err)
	}
	cp, err := producers.OpenCheckpoint(filepath.Join(m.config.DataDir, "publish"), producers.CheckpointKey{
		Log: s.CachedInfo().Created.UTC().Format(time.RFC3339Nano), Dataset: hash, Format: in.format, Mapping: in.mapping,
		Tenant: c.Tenant, Source: c.source(in), Tags: c.Tag, AsTest: c.AsTest,
	})
	if err == nil && c.Again {
		err = cp.Reset()
	}
	return cp, err
}

// estimate prints the forecast and holds it against --max-spend.
func (c *publishCmd) estimate(m *Main, rows iter.Seq2[producers.Row, error]) error {
	price, err := m.pricer()
	if err != nil {
		return err
	}
	f, err := producers.Estimate(rows, producers.DefaultAssumptions(), price)
	if err != nil {
		return err
	}
	if c.Estimate {
		drawForecast(m, f.Spends, several(f.Rows, "row", "rows"), f.Total)
	}
	if !c.MaxSpend.set || f.Total <= sluice.MicroUSD(c.MaxSpend.micro) {
		return nil
	}
	fits := int(float64(f.Rows) * float64(c.MaxSpend.micro) / float64(f.Total))
	return fmt.Errorf("%w: %d rows would cost about %s, above %s; nothing was published; about %d rows fit (--limit)",
		errBudget, f.Rows, f.Total, sluice.MicroUSD(c.MaxSpend.micro), fits)
}

// pricer prices one call of a stage by the model that would be asked today.
func (m *Main) pricer() (producers.Pricer, error) {
	table, err := pricing.New(m.config.PriceRows()...)
	if err != nil {
		return nil, err
	}
	models := map[string]string{
		"answer " + string(sluice.Medium): m.config.Pair.Medium, "answer " + string(sluice.Large): m.config.Pair.Large,
		"judge": m.config.Judge.Model, "analysis": m.config.Analysis.Model,
	}
	now := time.Now()
	return func(stage string, tier sluice.Tier, u sluice.Usage) (sluice.MicroUSD, error) {
		cost, _, err := table.Price(models[strings.TrimSpace(stage+" "+string(tier))], now, u)
		return cost, err
	}, nil
}
