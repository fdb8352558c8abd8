package main

import (
	"context"
	"fmt"
	"path/filepath"

	"sluice/bench"
	"sluice/config"
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
