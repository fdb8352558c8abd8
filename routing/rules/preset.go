package rules

import (
	"fmt"
	"slices"
	"strings"

	"sluice"
)

// The presets.
const (
	// PresetNone adds nothing.
	PresetNone = "none"
	// PresetCostAware sends everything to the medium model while little of a budget is left.
	PresetCostAware = "cost-aware"
	// PresetKeywords lets words of the query overrule the router.
	PresetKeywords = "keyword-based"
	// PresetHybrid is the budget first, then keywords, mathematics and length.
	PresetHybrid = "hybrid"
)

// Presets lists the presets.
func Presets() []string { return []string{PresetNone, PresetCostAware, PresetKeywords, PresetHybrid} }

// Preset is a preset's rules, as they could stand in sluice.yaml; nil for one that is not there.
func Preset(name string) []Rule {
	budget := Rule{
		Name: "budget-spent", When: When{BudgetSpent: 0.8}, Then: Then{Tier: string(sluice.Medium)},
		Reason: "{spent} of the budget {budget} is spent",
	}
	hard := Rule{
		Name: "keywords-large", Then: Then{Tier: string(sluice.Large)},
		When: When{Keywords: []string{
			"step by step", "prove that", "proof", "derive", "rigorously", "in depth", "in detail", "trade-offs",
			"compare and contrast", "analyze", "analyse", "architecture", "optimize", "debug", "refactor",
		}},
		Reason: `the query says "{keyword}", which asks for work`,
	}
	easy := Rule{
		Name: "keywords-medium", Then: Then{Tier: string(sluice.Medium)},
		When:   When{Keywords: []string{"translate", "synonym", "spell", "rephrase", "define", "definition of", "capital of", "convert"}},
		Reason: `the query says "{keyword}", which the medium model does well`,
	}
	math := Rule{
		Name: "math", When: When{Math: true}, Then: Then{Tier: string(sluice.Large)},
		Reason: "the query holds mathematics",
	}
	long := Rule{
		Name: "long", When: When{MinWords: 150}, Then: Then{Tier: string(sluice.Large)},
		Reason: "the query is long: {words} words",
	}
	switch name {
	case PresetCostAware:
		return []Rule{budget}
	case PresetKeywords:
		return []Rule{hard, easy}
	case PresetHybrid:
		return []Rule{budget, hard, math, long}
	}
	return nil
}

// expand is the chain: own rules in their order, then the preset's, each of which gives way to an own rule
// of its name.
func expand(s Spec, faults *FaultsError) []placed {
	if !slices.Contains(Presets(), s.Preset) {
		*faults = append(*faults, Fault{"preset", fmt.Sprintf("is %q", s.Preset), "want one of " + strings.Join(Presets(), ", ")})
	}
	preset := Preset(s.Preset)
	own := map[string]placed{}
	var chain []placed
	for i, r := range s.Rules {
		p := placed{r, fmt.Sprintf("rules[%d]", i)}
		if _, twice := own[r.Name]; twice && r.Name != "" {
			*faults = append(*faults, Fault{p.at + ".name", fmt.Sprintf("%q is there twice", r.Name), "rename one"})
		}
		own[r.Name] = p
		if !slices.ContainsFunc(preset, func(q Rule) bool { return q.Name == r.Name }) {
			chain = append(chain, p)
		}
	}
	for _, r := range preset {
		p, replaced := own[r.Name]
		if !replaced {
			p = placed{r, "preset " + s.Preset + " " + r.Name}
		}
		chain = append(chain, p)
	}
	return chain
}
