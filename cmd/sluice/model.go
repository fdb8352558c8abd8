package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sluice/routing"
	"sluice/trainer/recipe"
	"sluice/trainer/registry"
)

// modelCmd is about the routers of the registry.
type modelCmd struct {
	List     modelListCmd     `cmd:"" help:"List the registered routers, and which of them decide."`
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

type modelListCmd struct {
	JSON bool `name:"json" help:"One JSON object a line."`
}

// listedModel is a router as programs read it.
type listedModel struct {
	registry.Model
	Roles []string `json:"roles,omitempty"`
}

// rolesOf says what a version is used for.
func rolesOf(s registry.State, version string) []string {
	var roles []string
	if s.Active.Version == version {
		roles = append(roles, "active")
	}
	if s.Canary.Version == version {
		roles = append(roles, fmt.Sprintf("canary %g", s.Canary.Share))
	}
	if s.Shadow.Version == version {
		roles = append(roles, "shadow")
	}
	for _, tenant := range sortedKeys(s.Pins) {
		if s.Pins[tenant].Version == version {
			roles = append(roles, fmt.Sprintf("pinned by %q", tenant))
		}
	}
	return roles
}

// Run lists.
func (c *modelListCmd) Run(ctx context.Context, m *Main) error {
	return m.withWorkshop(ctx, "model list", toLook, func(w *workshop) error {
		models, err := w.registry.List(ctx)
		if err != nil {
			return err
		}
		state, err := w.registry.State(ctx)
		if err != nil {
			return err
		}
		for _, fault := range state.Unreadable {
			fmt.Fprintln(m.Stderr, fault)
		}
		table := newTable(m.Stdout, "version", "kind", "made", "size", "APGR", "training", "used as").numbers(4, 5)
		for _, x := range models {
			l := listedModel{x, rolesOf(state, x.Version)}
			if c.JSON {
				if err := printJSON(m.Stdout, l); err != nil {
					return err
				}
				continue
			}
			table.row(x.Version, x.Kind, x.CreatedAt.Format(time.DateTime), size(x.Bytes), metric(x, "apgr"), x.JobID, strings.Join(l.Roles, ", "))
		}
		if !c.JSON && len(models) > 0 {
			table.flush()
		}
		if state.Active.Version == "" {
			fmt.Fprintln(m.Stderr, "no router is active: the static map decides")
		}
		return nil
	})
}

// metric reads one number of a model's metrics, for people.
func metric(m registry.Model, name string) string {
	var all map[string]float64
	if json.Unmarshal(m.Metrics, &all) != nil {
		return ""
	}
	if v, ok := all[name]; ok {
		return fmt.Sprintf("%.3f", v)
	}
	return ""
}

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
		if err := printJSONAs(m.Stdout, jsonForm{indent: "  "}, listedModel{x, rolesOf(state, x.Version)}); err != nil {
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

type modelImportCmd struct {
	Dir  string `arg:"" help:"A router's directory (with manifest.json), or one with config.json and safetensors, or with one GGUF file."`
	Name string `help:"What recipes call a base model: lora:NAME. Default: the directory's name."`
}

// Run imports.
func (c *modelImportCmd) Run(ctx context.Context, m *Main) error {
	info, err := os.Stat(c.Dir)
	if err != nil {
		return fmt.Errorf("model import: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is no directory; name the one that it lies in", c.Dir)
	}
	return m.withWorkshop(ctx, "model import", toLook, func(w *workshop) error {
		if _, err := os.Stat(filepath.Join(c.Dir, "manifest.json")); err == nil {
			return c.router(ctx, m, w)
		}
		return c.base(ctx, m, w)
	})
}

// router registers a trained router.
func (c *modelImportCmd) router(ctx context.Context, m *Main, w *workshop) error {
	if _, err := (shelf{}).Open(ctx, c.Dir); err != nil {
		return err
	}
	x, err := w.registry.Add(ctx, c.Dir, registry.Source{Worker: "model import"})
	if err != nil {
		return err
	}
	fmt.Fprintf(m.Stdout, "%s is registered (%s); sluice model promote %s lets it decide\n", x.Version, x.Kind, x.Version)
	return nil
}

// base checks and stores weights that recipes adapt.
func (c *modelImportCmd) base(ctx context.Context, m *Main, w *workshop) error {
	weights, _ := filepath.Glob(filepath.Join(c.Dir, "*.gguf"))
	safe, _ := filepath.Glob(filepath.Join(c.Dir, "*.safetensors"))
	if len(weights) != 1 && len(safe) == 0 {
		return fmt.Errorf("%s holds no manifest.json, no *.safetensors and not exactly one *.gguf: neither a router nor a base model", c.Dir)
	}
	name, base := c.Name, c.Dir
	if name == "" {
		name = filepath.Base(filepath.Clean(c.Dir))
	}
	if len(weights) == 1 {
		base = weights[0]
	}
	if err := recipe.CheckBase(base, m.config.PolicySpecs()); err != nil {
		return err
	}
	if err := w.registry.AddBase(ctx, name, c.Dir); err != nil {
		return err
	}
	fmt.Fprintf(m.Stdout, "base model %s is stored; training.recipe lora:%s or qlora:%s adapts it\n", name, name, name)
	return nil
}

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

// whole fetches a version and opens it, so that nothing is pointed to that can't serve.
func (w *workshop) whole(ctx context.Context, version string) (routing.Router, error) {
	x, err := w.registry.Get(ctx, version)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(w.cfg.DataDir, "routers", x.Version)
	if err := w.registry.Fetch(ctx, registry.Ref{Version: x.Version, Digest: x.Digest}, dir); err != nil {
		return nil, err
	}
	return shelf{}.Open(ctx, dir)
}

type modelPromoteCmd struct {
	Model  string `arg:"" name:"version" help:"The router's version."`
	Reason string `default:"by hand" help:"Why, for the record."`
}

// Run promotes.
func (c *modelPromoteCmd) Run(ctx context.Context, m *Main) error {
	return m.withWorkshop(ctx, "model promote", toLook, func(w *workshop) error {
		if _, err := w.whole(ctx, c.Model); err != nil {
			return err
		}
		state, err := w.registry.State(ctx)
		if err != nil {
			return err
		}
		if err := w.warnOfGate(ctx, c.Model); err != nil {
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
func (w *workshop) warnOfGate(ctx context.Context, version string) error {
	x, err := w.registry.Get(ctx, version)
	if err != nil || x.JobID == "" {
		return err
	}
	last, told, err := w.board.Progress(ctx, x.JobID)
	if err == nil && told && last.Kind == "refused" && last.ModelVersion == version {
		fmt.Fprintf(w.m.Stderr, "the gate refused %s: %s\n", version, last.Message)
	}
	return err
}

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

func orStatic(version string) string {
	if version == "" {
		return "the static map"
	}
	return version
}

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
