package rules

import (
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"

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
	// Tiers, where set, overrule the tiers of Policies: what a policy_map.json says.
	Tiers map[sluice.Policy]sluice.Tier
	// Models are the ones that may be named.
	Models []string
}

// Mapper is a chain of rules. It is immutable and safe for concurrent use.
type Mapper struct {
	chain   []Rule
	rules   []rule
	static  map[sluice.Policy]target
	medium  string
	large   string
	version string
	evals   sync.Pool
	failed  []atomic.Int64 // by rule
}

// target is a model with its role, and what is said of it where the static map chose it.
type target struct {
	model  string
	tier   sluice.Tier
	reason string
}

// New compiles a chain. The error is [FaultsError]: everything that is wrong, each with its key.
func New(s Spec) (*Mapper, error) {
	var faults FaultsError
	chain := expand(s, &faults)
	m := &Mapper{medium: s.Medium, large: s.Large, static: staticMap(s, &faults)}
	m.evals.New = func() any { return newEval(m) }
	c := compiler{spec: s, static: m.static, faults: &faults}
	for _, placed := range chain {
		m.chain = append(m.chain, placed.Rule)
		m.rules = append(m.rules, c.rule(placed))
	}
	if err := faults.err(); err != nil {
		return nil, err
	}
	m.version, m.failed = m.hash(), make([]atomic.Int64, len(chain))
	return m, nil
}

// Failures counts by rule how often it failed and was left out; rules that never did are not there.
func (m *Mapper) Failures() map[string]int64 {
	out := map[string]int64{}
	for i := range m.failed {
		if n := m.failed[i].Load(); n > 0 {
			out[m.rules[i].name] = n
		}
	}
	return out
}

func staticMap(s Spec, faults *FaultsError) map[sluice.Policy]target {
	out := make(map[sluice.Policy]target, len(s.Policies))
	for _, p := range s.Policies {
		tier := p.Tier
		if t, ok := s.Tiers[p.Name]; ok {
			tier = t
		}
		out[p.Name] = target{s.modelOf(tier), tier, fmt.Sprintf("%s goes to the %s model", p.Name, tier)}
	}
	for policy := range s.Tiers {
		if _, known := out[policy]; !known {
			*faults = append(*faults, Fault{"policy_map", fmt.Sprintf("%q is no policy", policy), "name one of policies"})
		}
	}
	return out
}

func (s Spec) modelOf(t sluice.Tier) string {
	if t == sluice.Large {
		return s.Large
	}
	return s.Medium
}

func (s Spec) tierOf(model string) sluice.Tier {
	switch model {
	case s.Medium:
		return sluice.Medium
	case s.Large:
		return sluice.Large
	}
	return ""
}

func (s Spec) lists(model string) bool {
	for _, m := range append([]string{s.Medium, s.Large}, s.Models...) {
		if m == model && m != "" {
			return true
		}
	}
	return false
}

// Version is a hash of everything that decides: equal chains have equal versions.
func (m *Mapper) Version() string { return m.version }

// versionLength is how much of the hash a version keeps.
const versionLength = 10

func (m *Mapper) hash() string {
	static := make(map[sluice.Policy]string, len(m.static))
	for policy, t := range m.static {
		static[policy] = t.model
	}
	text, err := json.Marshal(struct {
		Chain         []Rule
		Static        map[sluice.Policy]string
		Medium, Large string
	}{m.chain, static, m.medium, m.large})
	if err != nil {
		panic("rules: " + err.Error()) // strings and numbers always marshal
	}
	return sluice.HashID("rules", string(text))[:versionLength]
}

// Rules is the chain as it runs, the preset's rules written out. The caller does not change it.
func (m *Mapper) Rules() []Rule { return m.chain }

// Static is the model that the static map gives a policy. A policy that it does not know goes to the
// medium model.
func (m *Mapper) Static(p sluice.Policy) (model string, tier sluice.Tier) {
	t := m.fallback(p)
	return t.model, t.tier
}

func (m *Mapper) fallback(p sluice.Policy) target {
	if t, ok := m.static[p]; ok {
		return t
	}
	return target{m.medium, sluice.Medium, "the policy is not configured; such queries go to the medium model"}
}

// Map finds the model. It always decides: the last word is the static map's.
func (m *Mapper) Map(f Facts) Outcome {
	e := m.evals.Get().(*eval)
	defer m.evals.Put(e)
	e.begin(f)
	defer e.end()
	var skipped []Skipped
	for i := range m.rules {
		r := &m.rules[i]
		fires, err := r.holds(e)
		if err != nil {
			m.failed[i].Add(1)
			skipped = append(skipped, Skipped{Rule: r.name, Err: err})
			continue
		}
		if fires {
			return m.outcome(r, e, skipped)
		}
	}
	t := m.fallback(f.Policy)
	return Outcome{Model: t.model, Tier: t.tier, Rule: StaticRule, Reason: t.reason, RulesVersion: m.version, Skipped: skipped}
}

func (m *Mapper) outcome(r *rule, e *eval, skipped []Skipped) Outcome {
	e.model = r.model
	out := Outcome{Model: r.model, Tier: r.tier, Rule: r.name, Reason: r.reason.render(e), RulesVersion: m.version, Skipped: skipped}
	if r.refusal.set() {
		out.Refusal = r.refusal.render(e)
	}
	return out
}
