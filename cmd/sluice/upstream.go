package main

import (
	"fmt"
	"slices"
	"strings"

	"sluice/config"
	"sluice/llm/emulator"
)

// upstreamFlag says who answers in place of the configured providers.
type upstreamFlag struct {
	Upstream string `default:"models" env:"SLUICE_UPSTREAM" placeholder:"models|emulator|URL" help:"models asks the configured providers; emulator simulates them in this process; a URL is that of a running sluice emulator."`
}

// upstream is the models as a command asks them.
type upstream struct {
	cfg config.Config
	// url is where the models are simulated; empty: the configured providers are asked.
	url string
	own *emulator.Server // nil: none of this process's own
}

// Close ends the emulator, if one was started.
func (u upstream) Close() {
	if u.own != nil {
		u.own.Close()
	}
}

// apply points the models at the upstream, and says so where it simulates them. Its owner closes it.
func (f upstreamFlag) apply(m *Main) (upstream, error) {
	u := upstream{cfg: m.config}
	by := ""
	switch {
	case f.Upstream == "" || f.Upstream == "models":
		return u, nil
	case f.Upstream == "emulator":
		source, err := syntheticSource(bankDataset(), u.cfg.Emulator.Seed)
		if err != nil {
			return u, err
		}
		if u.own, u.url, err = startEmulator(u.cfg, source, emulated{}); err != nil {
			return u, err
		}
		by = "by " + u.own.Name() + " "
	case strings.HasPrefix(f.Upstream, "http://"), strings.HasPrefix(f.Upstream, "https://"):
		u.url = f.Upstream
	default:
		return u, usagef("--upstream %q: want models, emulator or the URL of a running sluice emulator", f.Upstream)
	}
	u.cfg = emulateModels(u.cfg, u.url)
	fmt.Fprintf(m.Stderr, "the models are SIMULATED %sat %s\n", by, u.url)
	return u, nil
}

// emulateModels is cfg with every model that plays a role asked at url, without a key.
func emulateModels(cfg config.Config, url string) config.Config {
	cfg.Models = slices.Clone(cfg.Models)
	for _, name := range []string{cfg.Pair.Medium, cfg.Pair.Large, cfg.Judge.Model, cfg.Analysis.Model} {
		if _, listed := cfg.Model(name); !listed {
			cfg.Models = append(cfg.Models, config.DefaultModel(name))
		}
	}
	for i := range cfg.Models {
		cfg.Models[i].Provider, cfg.Models[i].BaseURL, cfg.Models[i].KeyEnv = "gemini", url, ""
	}
	return cfg
}
