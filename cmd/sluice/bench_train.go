package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"sluice/gemma/learn"
	"sluice/trainer/recipe"
)

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
