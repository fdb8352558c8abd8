package main

import (
	"context"

	"sluice/trainer/registry"
)

type modelShadowCmd struct {
	Model string `arg:"" optional:"" name:"version" help:"The router's version; without one the shadow ends."`
}

// Run sets or ends the shadow.
func (c *modelShadowCmd) Run(ctx context.Context, m *Main) error {
	said := "there is no shadow"
	if c.Model != "" {
		said = c.Model + " is asked about every request and not heard"
	}
	return m.point(ctx, c.Model, func(r *registry.Registry) error { return r.Shadow(ctx, c.Model) }, said)
}
