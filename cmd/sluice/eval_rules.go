package main

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"sluice"
	"sluice/config"
	"sluice/evaluation"
	"sluice/routing"
	"sluice/routing/features"
	"sluice/routing/rules"
)

// ruledChain is a chain of rules as an evaluation holds it over routers.
type ruledChain struct {
	name   string
	mapper *rules.Mapper
}

// chains compiles what --rules names, presets and files, for the pair of the graded file.
func (c *evalFileCmd) chains(m *Main) ([]evaluation.Rules, error) {
	var out []evaluation.Rules
	for _, name := range c.Rules {
		spec := rules.Spec{Preset: name}
		if !slices.Contains(rules.Presets(), name) {
			from, err := config.Load(name, m.Getenv, m.cli.sets())
			if errors.Is(err, fs.ErrNotExist) {
				return nil, usagef("--rules %s is neither a preset (%s) nor a file", name, strings.Join(rules.Presets(), ", "))
			}
			if err != nil {
				return nil, fmt.Errorf("--rules %s: %w", name, err)
			}
			spec = from.RuleSpec()
		}
		spec.Policies, spec.Medium, spec.Large = m.config.PolicySpecs(), c.Medium, c.Large
		mapper, err := rules.New(spec)
		if err != nil {
			return nil, fmt.Errorf("--rules %s: %w", name, err)
		}
		out = append(out, ruledChain{name: name, mapper: mapper})
	}
	return out, nil
}

// Name is the preset's, or the file's.
func (r ruledChain) Name() string { return r.name }

// Choose is evaluation.Rules's.
func (r ruledChain) Choose(f evaluation.RuleFacts) (sluice.Tier, string, error) {
	facts := rules.Facts{
		Policy: sluice.Standard, Router: "evaluated", Score: f.Score, Threshold: f.Threshold, Text: f.Text, Features: features.Of(f.Text),
	}
	if f.Complex {
		facts.Policy = sluice.Complex
	}
	if f.Static {
		facts.Router = routing.StaticVersion
	}
	if f.Spent > 0 {
		facts.Budget = rules.Budget{Name: "of the evaluation", Spent: f.Spent}
	}
	out := r.mapper.Map(facts)
	switch {
	case out.Refusal != "":
		return "", out.Rule, nil
	case out.Tier == "":
		return "", "", fmt.Errorf("rule %s asks %s, of which the file has no grades; name a tier", out.Rule, out.Model)
	}
	return out.Tier, out.Rule, nil
}
