package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"sluice/trainer/recipe"
	"sluice/trainer/registry"
)

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
