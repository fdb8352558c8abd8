package main

import (
	"context"
	"fmt"
	"time"
)

type modelShowCmd struct {
	Model string `arg:"" name:"version" help:"The router's version."`
}

// Run shows.
func (c *modelShowCmd) Run(ctx context.Context, m *Main) error {
	return m.withWorkshop(ctx, "model show", toLook, func(w *workshop) error {
		x, err := w.registry.Get(ctx, c.Model)
		if err != nil {
			return err
		}
		state, err := w.registry.State(ctx)
		if err != nil {
			return err
		}
		gate, err := w.gate(ctx)
		if err != nil {
			return err
		}
		if err := printJSONAs(m.Stdout, jsonForm{indent: "  "}, listedModel{x, rolesOf(state, x.Version), gate(x)}); err != nil {
			return err
		}
		history, err := w.registry.History(ctx)
		if err != nil {
			return err
		}
		for _, p := range history {
			if p.Version == x.Version {
				fmt.Fprintf(m.Stderr, "active since %s: %s\n", p.At.Format(time.DateTime), p.Reason)
			}
		}
		return nil
	})
}
