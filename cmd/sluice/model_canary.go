package main

import (
	"context"
	"fmt"

	"sluice/trainer/registry"
)

type modelCanaryCmd struct {
	Model string  `arg:"" optional:"" name:"version" help:"The router's version; without one the canary ends."`
	Share float64 `default:"0.05" help:"Share of the requests, above 0 and at most 1."`
}

// Validate refuses what is no share.
func (c *modelCanaryCmd) Validate() error {
	if !(c.Share > 0 && c.Share <= 1) { // NaN too
		return fmt.Errorf("--share %g: want a number above 0 and at most 1", c.Share)
	}
	return nil
}

// Run sets or ends the canary.
func (c *modelCanaryCmd) Run(ctx context.Context, m *Main) error {
	said := "there is no canary"
	if c.Model != "" {
		said = fmt.Sprintf("%s decides for a share of %g", c.Model, c.Share)
	}
	return m.point(ctx, c.Model, func(r *registry.Registry) error { return r.Canary(ctx, c.Model, c.Share) }, said)
}
