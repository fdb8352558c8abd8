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

// apply points the models at the upstream. The emulator, where one was started, is the caller's to close;
// where says where it is.
func (f upstreamFlag) apply(cfg config.Config) (_ config.Config, started *emulator.Server, where string, err error) {
	switch {
	case f.Upstream == "" || f.Upstream == "models":
		return cfg, nil, "", nil
	case f.Upstream == "emulator":
		source, err := syntheticSource(bankDataset(), cfg.Emulator.Seed)
		if err != nil {
			return cfg, nil, "", err
		}
		s, url, err := startEmulator(cfg, source, emulated{})
		if err != nil {
			return cfg, nil, "", err
		}
		return emulateModels(cfg, url), s, url, nil
	case strings.HasPrefix(f.Upstream, "http://"), strings.HasPrefix(f.Upstream, "https://"):
		return emulateModels(cfg, f.Upstream), nil, f.Upstream, nil
	}
	return cfg, nil, "", usagef("--upstream %q: want models, emulator or the URL of a running sluice emulator", f.Upstream)
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

// simulation says who answers in place of the models; nothing where they do themselves.
func simulation(emu *emulator.Server, url string) string {
	switch {
	case emu != nil:
		return fmt.Sprintf("SIMULATED by %s at %s", emu.Name(), url)
	case url != "":
		return "SIMULATED at " + url
	}
	return ""
}
