package main

import (
	"context"
	"fmt"
)

type modelRollbackCmd struct {
	Reason string `default:"by hand" help:"Why, for the record."`
}

// Run rolls back.
func (c *modelRollbackCmd) Run(ctx context.Context, m *Main) error {
	return m.withWorkshop(ctx, "model rollback", toLook, func(w *workshop) error {
		state, err := w.registry.State(ctx)
		if err != nil {
			return err
		}
		to, err := w.registry.Rollback(ctx, state.Active.Version, c.Reason)
		if err != nil {
			return err
		}
		fmt.Fprintf(m.Stdout, "%s is active again, in place of %s\n", orStatic(to), orStatic(state.Active.Version))
		return nil
	})
}
