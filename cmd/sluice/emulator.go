package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"sluice/config"
	"sluice/llm/emulator"
	"sluice/pricing"
	"sluice/producers"
)

// emulatorCmd serves emulated models until it is stopped.
type emulatorCmd struct {
	Source  string   `default:"auto" enum:"auto,recorded,synthetic" help:"recorded replays the graded rows of --dataset; synthetic makes answers up; auto is recorded where the data set has runs."`
	Dataset string   `placeholder:"PATH" help:"Graded rows to replay, or questions whose accepted answers synthetic models know. Default: the built-in bank."`
	Models  []string `placeholder:"MODEL" help:"Recorded models that must have an answer in every row that is replayed. Default: any."`
	Host    string   `help:"Address to listen on. Default: emulator.host (127.0.0.1)."`
	Port    *int     `min:"0" max:"65535" help:"Port to listen on; 0 takes a free one. Default: emulator.port."`
	Seed    *uint64  `help:"Another seed makes other synthetic answers, faults and latencies. Default: emulator.seed."`
	emulated
}

// emulated is how emulated models behave; demo has the same flags.
type emulated struct {
	Faults     *faultShares   `placeholder:"SHARE" help:"Share of calls that fail: 0.2 is 429, 500, 503, hanging and cut replies in turn; or each by its name: unauthorized=0.05,slow=0.1 (a wrong name lists them). Default: emulator.faults (0)."`
	Latency    *time.Duration `min:"0" placeholder:"DURATION" help:"Median time of a reply. Default: emulator.latency (0)."`
	LatencyP95 time.Duration  `min:"0" name:"latency-p95" placeholder:"DURATION" help:"Time that 95 of 100 replies stay below. Default: every reply takes the median."`
	HangFor    time.Duration  `min:"0" default:"3s" help:"How long a hanging call says nothing."`
}

// faultShares are faults on the command line.
type faultShares struct{ emulator.Faults }

// UnmarshalText reads a share of mixed faults, or shares by name.
func (f *faultShares) UnmarshalText(text []byte) (err error) {
	f.Faults, err = emulator.ParseFaults(string(text))
	return err
}

// Run serves.
func (c *emulatorCmd) Run(ctx context.Context, m *Main) error {
	cfg := m.config
	if c.Host != "" {
		cfg.Emulator.Host = c.Host
	}
	if c.Port != nil {
		cfg.Emulator.Port = *c.Port
	}
	if c.Seed != nil {
		cfg.Emulator.Seed = *c.Seed
	}
	source, err := c.source(m, cfg.Emulator.Seed)
	if err != nil {
		return err
	}
	s, url, err := startEmulator(cfg, source, c.emulated)
	if err != nil {
		return err
	}
	defer s.Close()
	fmt.Fprintf(m.Stdout, "%s at %s (books: %s/emulator/books)\n", s.Name(), url, url)
	m.ready(Where{Emulator: url})
	<-ctx.Done()
	return nil
}

// source chooses between replaying and making up.
func (c *emulatorCmd) source(m *Main, seed uint64) (emulator.Source, error) {
	d, err := m.openDataset(c.Dataset, "", "")
	if err != nil {
		return nil, err
	}
	recorded := d.format == producers.Recorded
	if c.Source == "recorded" && !recorded {
		return nil, usagef("--source recorded wants a --dataset of graded rows; %s has none", d.name)
	}
	if recorded && c.Source != "synthetic" {
		rows, skipped, err := emulator.Load(d.path, c.Models...)
		if err != nil {
			return nil, err
		}
		m.log.Info("replaying recorded answers", "rows", len(rows), "skipped", len(skipped), "models", rows.Models())
		return emulator.NewRecorded(rows), nil
	}
	return syntheticSource(d, seed)
}

// startEmulator listens as cfg and the flags say. The caller closes it.
func startEmulator(cfg config.Config, source emulator.Source, e emulated) (*emulator.Server, string, error) {
	prices, err := pricing.New(cfg.PriceRows()...)
	if err != nil {
		return nil, "", err
	}
	faults, latency := emulator.MixedFaults(cfg.Emulator.Faults), cfg.Emulator.Latency
	if e.Faults != nil {
		faults = e.Faults.Faults
	}
	if e.Latency != nil {
		latency = *e.Latency
	}
	faults.HangForMS = e.HangFor.Milliseconds()
	s, err := emulator.New(emulator.Config{
		Source: source, Seed: cfg.Emulator.Seed, Faults: faults, Prices: prices,
		Latency: map[string]emulator.Latency{"": {P50: latency, P95: e.LatencyP95}},
	})
	if err != nil {
		return nil, "", err
	}
	url, err := s.Start(net.JoinHostPort(cfg.Emulator.Host, strconv.Itoa(cfg.Emulator.Port)))
	if err != nil {
		return nil, "", err
	}
	return s, url, nil
}

// syntheticSource makes up answers to the questions of a data set; models know its accepted answers as far
// as their strength goes.
func syntheticSource(d dataset, seed uint64) (emulator.Source, error) {
	if d.items != nil {
		return emulator.NewSynthetic(d.items, emulator.SyntheticConfig{Seed: seed})
	}
	var items []emulator.Item
	for row, err := range producers.Select(producers.Selection{}, d.rows) {
		var leftOut *producers.RowError
		if errors.As(err, &leftOut) {
			continue
		}
		if err != nil {
			return nil, err
		}
		items = append(items, emulator.Item{
			Question: row.Text, Gold: row.GroundTruth, Difficulty: emulator.Difficulty(row.Text),
			Unanswerable: len(row.GroundTruth) == 0,
		})
	}
	return emulator.NewSynthetic(uniqueItems(items), emulator.SyntheticConfig{Seed: seed})
}
