package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"sluice/bench"
	"sluice/config"
	"sluice/gemma/learn"
	"sluice/producers/bank"
	"sluice/routing"
	"sluice/routing/scored"
	"sluice/trainer/artifact"
	trainset "sluice/trainer/dataset"
	"sluice/trainer/recipe"
)

type benchRouterCmd struct {
	Artifact  string `placeholder:"DIR" help:"A trained router to measure. Default: the default model as it is before training, which is as large and as fast."`
	Decisions int    `min:"1" default:"2000" help:"Decisions of each measurement."`
	JSON      bool   `name:"json" help:"Print one JSON object."`
}

// Run measures.
func (c *benchRouterCmd) Run(ctx context.Context, m *Main) error {
	o := bench.RouterOptions{Decisions: c.Decisions}
	for _, q := range bank.Questions() {
		o.Texts = append(o.Texts, q.Text)
	}
	if err := c.open(ctx, m, &o); err != nil {
		return fmt.Errorf("bench router: %w", err)
	}
	r, err := bench.RunRouter(ctx, o)
	if err != nil {
		return fmt.Errorf("bench router: %w", err)
	}
	if c.JSON {
		return printJSON(m.Stdout, r)
	}
	t := newTable(m.Stdout, r.Router, "measured", "the architecture's, on a GPU")
	t.row("decision p50, prefix cached", number(r.P50)+" ms", bench.ArchitectureLatency)
	t.row("decision p95, prefix cached", number(r.P95)+" ms", "")
	t.row("decision p50, whole prompt", number(r.ColdP50)+" ms", "")
	t.row(fmt.Sprintf("decisions a second, %d callers", r.Callers), number(r.PerSecond), bench.ArchitectureThroughput)
	t.row("memory of the process", number(r.Memory)+" MiB", bench.ArchitectureMemory)
	t.flush()
	return nil
}

// open finds the router, with its prefix cached and without.
func (c *benchRouterCmd) open(ctx context.Context, m *Main, o *bench.RouterOptions) error {
	router, name, err := benchRouter(ctx, m.config, c.Artifact)
	if err != nil {
		return err
	}
	o.Name, o.Warm, o.Cold = name, router, router
	switch r := router.(type) {
	case *scored.Router:
		o.Cold, err = r.Cold(ctx)
	case *artifact.Blended:
		o.Cold, err = r.Cold(ctx)
	}
	return err
}

// benchRouter is the router of a directory, or where none is named the default one as it is before training,
// which is as large and as fast. name says which.
func benchRouter(ctx context.Context, cfg config.Config, dir string) (r routing.Router, name string, err error) {
	if dir != "" {
		r, err = artifact.Open(ctx, dir)
		return r, filepath.Base(filepath.Clean(dir)), err
	}
	set, err := benchSet(cfg, 400)
	if err != nil {
		return nil, "", err
	}
	r, err = recipe.Untrained(ctx, set, recipe.Options{Policies: cfg.PolicySpecs(), Seed: 1})
	return r, "default, untrained", err
}

// benchSet makes rows of the bank's questions, numbered where they come again, with policies that mean nothing.
func benchSet(cfg config.Config, n int) (trainset.Set, error) {
	questions, policies := bank.Questions(), cfg.PolicySpecs()
	rows := make([]trainset.Row, n)
	for i := range rows {
		text := questions[i%len(questions)].Text
		if i >= len(questions) {
			text = fmt.Sprintf("%s (%d)", text, i/len(questions))
		}
		rows[i] = trainset.Row{ID: fmt.Sprint(i), Text: text, Policy: policies[i*7%11%len(policies)].Name}
		rows[i].Analysis.Domain, rows[i].Analysis.ReasoningSteps = "history", 1+i%3
	}
	return trainset.Of(rows)
}

type benchTrainCmd struct {
	Examples int    `min:"1" default:"2000" help:"Training examples, made up from the bank's questions."`
	Backend  string `default:"go" enum:"go,xla:cuda" help:"go, or xla:cuda where this binary was built with it."`
	JSON     bool   `name:"json" help:"Print one JSON object."`
}

// trainSpeed is what training takes.
type trainSpeed struct {
	Examples int     `json:"examples"`
	Seconds  float64 `json:"seconds"`
	// PerSecond counts an example once for all its epochs: Examples/Seconds.
	PerSecond float64 `json:"examples_per_s"`
	// PeakShare is the share of the backend's own matrix product rate that the whole run's products come to.
	PeakShare  float64 `json:"peak_share"`
	PeakGFLOPs float64 `json:"peak_gflops"`
	Steps      int     `json:"steps"`
	Parameters int     `json:"parameters"`
	Backend    string  `json:"backend"`
}

// Run trains the default recipe: SFT for three epochs, DPO for one, validation and artifact included.
func (c *benchTrainCmd) Run(ctx context.Context, m *Main) (err error) {
	set, err := benchSet(m.config, c.Examples)
	if err != nil {
		return fmt.Errorf("bench train: %w", err)
	}
	backend, err := learn.OpenBackend(c.Backend)
	if err != nil {
		return fmt.Errorf("bench train: %w", err)
	}
	peak, err := backend.Peak()
	backend.Close()
	if err != nil {
		return fmt.Errorf("bench train: %w", err)
	}
	dir, err := benchDir()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	_, report, err := recipe.Train(ctx, set, recipe.Options{
		Dir: dir, Policies: m.config.PolicySpecs(), Seed: 1, Backend: c.Backend,
	}, func(p recipe.Progress) {
		m.log.Debug("training", "kind", p.Kind, "stage", p.Stage, "step", p.Step, "steps", p.Steps, "loss", p.Loss)
	})
	if err != nil {
		return fmt.Errorf("bench train: %w", err)
	}
	return c.print(m, trainSpeed{
		Examples: c.Examples, Seconds: report.Seconds, PerSecond: float64(c.Examples) / report.Seconds,
		PeakShare: report.FLOPs / report.Seconds / peak, PeakGFLOPs: peak / 1e9,
		Steps: report.Steps, Parameters: report.Parameters, Backend: c.Backend,
	})
}

func (c *benchTrainCmd) print(m *Main, s trainSpeed) error {
	if c.JSON {
		return printJSON(m.Stdout, s)
	}
	t := newTable(m.Stdout).numbers(2)
	t.row("examples", count(s.Examples))
	t.row("seconds, SFT and DPO", fmt.Sprintf("%.1f", s.Seconds))
	t.row("examples a second", fmt.Sprintf("%.1f", s.PerSecond))
	t.row("optimiser steps", count(s.Steps))
	t.row("parameters", count(s.Parameters))
	t.row("peak matrix product, GFLOP/s", fmt.Sprintf("%.0f", s.PeakGFLOPs))
	t.row("share of the peak", fmt.Sprintf("%.1f%%", 100*s.PeakShare))
	t.flush()
	return nil
}
