package main

import (
	"fmt"
	"slices"

	"sluice"
	"sluice/config"
	"sluice/routing/rules"
)

// rulesCmd is about the rules that say which model a policy means.
type rulesCmd struct {
	Show   rulesShowCmd   `cmd:"" help:"Print the chain of rules as it runs, the preset's written out, as a section of sluice.yaml."`
	Test   rulesTryCmd    `cmd:"" help:"Try the rules on queries of a file, offline; asks no model."`
	Replay rulesReplayCmd `cmd:"" help:"Hold past decisions against other rules: what would change in cost and distribution."`
}

type rulesShowCmd struct {
	JSON bool `help:"Print one JSON object instead."`
}

// Run prints the chain.
func (c *rulesShowCmd) Run(m *Main) error {
	mapper, err := newMapper(m.config)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSONAs(m.Stdout, jsonForm{verbatim: true}, struct {
			Version string            `json:"version"`
			Rules   []rules.Rule      `json:"rules"`
			Static  map[string]string `json:"static"`
		}{mapper.Version(), mapper.Rules(), m.staticModels(mapper)})
	}
	fmt.Fprintf(m.Stdout, "# Rules %s, in their order: the first whose conditions all hold decides. Where none does, the static map:\n", mapper.Version())
	static := m.staticModels(mapper)
	for _, policy := range sortedKeys(static) {
		fmt.Fprintf(m.Stdout, "#   %s: %s\n", policy, static[policy])
	}
	return config.PrintRules(m.Stdout, mapper.Rules())
}

// staticModels is the last word of the chain: policy and model.
func (m *Main) staticModels(mapper *rules.Mapper) map[string]string {
	out := map[string]string{}
	for _, p := range m.config.Policies {
		out[p.Name], _ = mapper.Static(sluice.Policy(p.Name))
	}
	return out
}

// knowsPolicy says whether the configuration has the policy.
func (m *Main) knowsPolicy(name string) bool {
	return slices.ContainsFunc(m.config.Policies, func(p config.Policy) bool { return p.Name == name })
}
