package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"sluice/routing"
	"sluice/trainer/registry"
)

// modelCmd is about the routers of the registry.
type modelCmd struct {
	List     modelListCmd     `cmd:"" help:"List the registered routers, what the gate said of each, and which of them decide."`
	Show     modelShowCmd     `cmd:"" help:"Show one router: its manifest and what was active when."`
	Import   modelImportCmd   `cmd:"" help:"Store a router's directory, or pretrained weights (a Hugging Face or GGUF directory) as a base model."`
	Export   modelExportCmd   `cmd:"" help:"Write a router's directory."`
	Promote  modelPromoteCmd  `cmd:"" help:"Let a router decide, whatever the gate said of it."`
	Rollback modelRollbackCmd `cmd:"" help:"Let the router decide again that was active before."`
	Pin      modelPinCmd      `cmd:"" help:"Let a router decide for one tenant, whatever is active."`
	Unpin    modelUnpinCmd    `cmd:"" help:"End a tenant's pin."`
	Canary   modelCanaryCmd   `cmd:"" help:"Let a router decide for a share of the requests; without one, end that."`
	Shadow   modelShadowCmd   `cmd:"" help:"Ask a router about every request and record what it says; without one, end that."`
}

// whole fetches a version and opens it, so that nothing is pointed to that can't serve.
func (w *workshop) whole(ctx context.Context, version string) (routing.Router, error) {
	x, err := w.registry.Get(ctx, version)
	if err != nil {
		return nil, err
	}
	return w.fetched(ctx, x)
}

// fetched is whole for a version that was looked up.
func (w *workshop) fetched(ctx context.Context, x registry.Model) (routing.Router, error) {
	dir := filepath.Join(w.cfg.DataDir, "routers", x.Version)
	if err := w.registry.Fetch(ctx, registry.Ref{Version: x.Version, Digest: x.Digest}, dir); err != nil {
		return nil, err
	}
	return shelf{}.Open(ctx, dir)
}

func orStatic(version string) string {
	if version == "" {
		return "the static map"
	}
	return version
}

// point sets a pointer to a version that is whole; an empty one ends what it did.
func (m *Main) point(ctx context.Context, version string, set func(*registry.Registry) error, said string) error {
	return m.withWorkshop(ctx, "model", toLook, func(w *workshop) error {
		if version != "" {
			if _, err := w.whole(ctx, version); err != nil {
				return err
			}
		}
		if err := set(w.registry); err != nil {
			if errors.Is(err, registry.ErrMoved) {
				return fmt.Errorf("%w; run it again if it is still wanted", err)
			}
			return err
		}
		fmt.Fprintln(m.Stdout, said)
		return nil
	})
}
