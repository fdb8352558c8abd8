package main

import (
	"context"
	"fmt"

	"sluice/trainer/registry"
)

type modelPromoteCmd struct {
	Model  string `arg:"" name:"version" help:"The router's version."`
	Reason string `default:"by hand" help:"Why, for the record."`
}

// Run promotes.
func (c *modelPromoteCmd) Run(ctx context.Context, m *Main) error {
	return m.withWorkshop(ctx, "model promote", toLook, func(w *workshop) error {
		x, err := w.registry.Get(ctx, c.Model)
		if err != nil {
			return err
		}
		if _, err := w.fetched(ctx, x); err != nil {
			return err
		}
		state, err := w.registry.State(ctx)
		if err != nil {
			return err
		}
		if err := w.warnOfGate(ctx, x); err != nil {
			return err
		}
		if err := w.registry.Promote(ctx, c.Model, state.Active.Version, c.Reason, registry.Source{Worker: "model promote"}); err != nil {
			return err
		}
		if state.Active.Version == c.Model {
			fmt.Fprintf(m.Stdout, "%s was active already\n", c.Model)
			return nil
		}
		fmt.Fprintf(m.Stdout, "%s is active, in place of %s\n", c.Model, orStatic(state.Active.Version))
		return nil
	})
}

// warnOfGate says that the gate refused a version, and why: whoever promotes it all the same should know.
func (w *workshop) warnOfGate(ctx context.Context, x registry.Model) error {
	gate, err := w.gate(ctx)
	if err != nil {
		return err
	}
	if said := gate(x); said.Gate == "refused" {
		fmt.Fprintf(w.m.Stderr, "the gate refused %s: %s\n", x.Version, said.Reason)
	}
	return nil
}
