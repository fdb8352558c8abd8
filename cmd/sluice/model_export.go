package main

import (
	"context"
	"fmt"
	"os"

	"sluice/trainer/registry"
)

type modelExportCmd struct {
	Model string `arg:"" name:"version" help:"The router's version."`
	Out   string `arg:"" optional:"" help:"The directory to make. Default: the version."`
}

// Run exports.
func (c *modelExportCmd) Run(ctx context.Context, m *Main) error {
	return m.withWorkshop(ctx, "model export", toLook, func(w *workshop) error {
		x, err := w.registry.Get(ctx, c.Model)
		if err != nil {
			return err
		}
		out := c.Out
		if out == "" {
			out = c.Model
		}
		if _, err := os.Stat(out); err == nil {
			return fmt.Errorf("%s is there already: name another directory", out)
		}
		if err := w.registry.Fetch(ctx, registry.Ref{Version: x.Version, Digest: x.Digest}, out); err != nil {
			return err
		}
		fmt.Fprintf(m.Stdout, "%s: %s, %s, digest %s\n", out, x.Kind, size(x.Bytes), x.Digest)
		return nil
	})
}
