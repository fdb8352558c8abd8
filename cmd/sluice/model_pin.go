package main

import (
	"context"
	"fmt"

	"sluice/trainer/registry"
)

type modelPinCmd struct {
	Tenant string `arg:"" help:"The tenant."`
	Model  string `arg:"" name:"version" help:"The router's version."`
}

// Run pins.
func (c *modelPinCmd) Run(ctx context.Context, m *Main) error {
	return m.point(ctx, c.Model, func(r *registry.Registry) error { return r.Pin(ctx, c.Tenant, c.Model) },
		fmt.Sprintf("%s decides for tenant %q", c.Model, c.Tenant))
}

type modelUnpinCmd struct {
	Tenant string `arg:"" help:"The tenant."`
}

// Run unpins.
func (c *modelUnpinCmd) Run(ctx context.Context, m *Main) error {
	return m.point(ctx, "", func(r *registry.Registry) error { return r.Unpin(ctx, c.Tenant) },
		fmt.Sprintf("the active router decides for tenant %q", c.Tenant))
}
