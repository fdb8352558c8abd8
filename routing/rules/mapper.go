package rules

import (
	"sluice"
)

// Spec is what a mapper is made of.
type Spec struct {
	// Preset is one of [Presets]; its rules stand behind those of Rules.
	Preset string
	Rules  []Rule
	// Policies give each policy's tier, Medium and Large each tier's model: the static map.
	Policies      []sluice.PolicySpec
	Medium, Large string
	// PolicyMap, where set, gives single policies a model of their own: the content of policy_map.json.
	PolicyMap map[sluice.Policy]string
	// Models are the ones that may be named.
	Models []string
}

// Mapper is a chain of rules. It is immutable and safe for concurrent use.
type Mapper struct {
	spec    Spec
	version string
}

// New compiles a chain. The error is [Faults]: everything that is wrong, each with its key.
func New(s Spec) (*Mapper, error) { return &Mapper{spec: s, version: "stub"}, nil }

// Version is a hash of everything that decides: equal chains have equal versions.
func (m *Mapper) Version() string { return m.version }

// Rules is the chain as it runs, the preset's rules written out.
func (m *Mapper) Rules() []Rule { return m.spec.Rules }

// Map finds the model. It always decides: the last word is the static map's.
func (m *Mapper) Map(f Facts) Outcome {
	model, tier := m.spec.Medium, sluice.Medium
	for _, p := range m.spec.Policies {
		if p.Name == f.Policy && p.Tier == sluice.Large {
			model, tier = m.spec.Large, sluice.Large
		}
	}
	return Outcome{Model: model, Tier: tier, Rule: StaticRule, RulesVersion: m.version}
}
