package config

import (
	"errors"
	"fmt"
	"time"

	"sluice/routing/rules"
)

// Routing says how a gateway decides, and which model a decision means.
type Routing struct {
	Preset            string            `key:"preset" doc:"Rules that come with sluice and stand behind those of rules: none; cost-aware (the medium model while little of a budget is left); keyword-based (words of the query overrule the router); hybrid (the budget, then keywords, mathematics and length). sluice rules show prints them."`
	Rules             []rules.Rule      `key:"rules" doc:"The chain of rules: the first one whose conditions all hold decides which model is asked; where none does, the policy's tier does. A change is in force within seconds, without a restart; a faulty one is refused and the old rules serve on."`
	PolicyMap         string            `key:"policy_map" doc:"Path of a policy_map.json: the policy of a query that no router decides in time, and tiers that overrule those of policies. Empty: Standard_Query, and the tiers of policies."`
	Threshold         float64           `key:"threshold" doc:"The cost-quality knob: a query is complex where the router's P(Complex) is at least this; lower is better and dearer. 0: the router's own, from its calibration, or 0.5. A request may choose its own."`
	Tenants           []TenantThreshold `key:"tenants" doc:"Tenants with a knob of their own."`
	Deadline          time.Duration     `key:"deadline" doc:"How long a decision may take; then the static map decides, and the decision says so."`
	ExplainDeadline   time.Duration     `key:"explain_deadline" doc:"The same for a decision with a written reasoning."`
	MaxBytes          int               `key:"max_bytes" doc:"What the router reads of a query at most, in bytes. The model gets all of it."`
	LongPrompts       string            `key:"long_prompts" doc:"What becomes of longer ones: truncate (the router reads beginning and end) or refuse (the client is told)."`
	Concurrency       int               `key:"concurrency" doc:"Decisions that one router makes at once, per process; more wait, within their deadline."`
	ShadowConcurrency int               `key:"shadow_concurrency" doc:"Decisions of the shadow router at once; what finds no place has no shadow."`
	Circuit           Circuit           `key:"circuit" doc:"The pause of a router that keeps failing."`
	Canary            Canary            `key:"canary" doc:"When a canary is dropped by itself, because it does worse than the active router."`
}

// TenantThreshold is one tenant's knob.
type TenantThreshold struct {
	Tenant    string  `key:"tenant" doc:"The tenant."`
	Threshold float64 `key:"threshold" doc:"Its threshold, from 0 (always the large model) to 1."`
}

// Circuit gives a failing router a pause.
type Circuit struct {
	Failures int           `key:"failures" doc:"Deadlines missed, errors or panics in a row that open it: the router is not asked then, and costs nobody a deadline."`
	Pause    time.Duration `key:"pause" doc:"How long; then one request tries."`
}

// Canary says when a canary is dropped.
type Canary struct {
	Window        time.Duration `key:"window" doc:"How far back canary and active router are compared."`
	MinRequests   int           `key:"min_requests" doc:"Requests that the canary must have had before it is judged."`
	Margin        float64       `key:"margin" doc:"By how much the canary's share of faults, of failed requests or of slow decisions may be the larger one; beyond chance, which is three standard errors."`
	LatencyFactor float64       `key:"latency_factor" doc:"A decision is slow that takes longer than so many times the active router's 95th percentile, plus a millisecond."`
}

func defaultRouting() Routing {
	return Routing{
		Preset: rules.PresetCostAware, Deadline: 250 * time.Millisecond, ExplainDeadline: 5 * time.Second,
		MaxBytes: 8192, LongPrompts: "truncate", Concurrency: 64, ShadowConcurrency: 8,
		Circuit: Circuit{Failures: 5, Pause: 10 * time.Second},
		Canary:  Canary{Window: 5 * time.Minute, MinRequests: 50, Margin: 0.05, LatencyFactor: 2},
	}
}

// RuleSpec is what the policy mapper is made of, but for the tiers of a policy_map.json.
func (c Config) RuleSpec() rules.Spec {
	return rules.Spec{
		Preset: c.Routing.Preset, Rules: c.Routing.Rules, Policies: c.PolicySpecs(),
		Medium: c.Pair.Medium, Large: c.Pair.Large, Models: c.modelNames(),
	}
}

// ruleRoles are the models that rules name.
func (c *Config) ruleRoles() []role {
	var out []role
	for i, r := range c.Routing.Rules {
		if r.Then.Model != "" {
			out = append(out, role{fmt.Sprintf("routing.rules[%d].then.model", i), r.Then.Model})
		}
	}
	return out
}

func (c *Config) checkRouting(k checker) {
	r := c.Routing
	_, err := rules.New(c.RuleSpec())
	faults, _ := errors.AsType[rules.FaultsError](err)
	for _, f := range faults {
		k.want(false, "routing."+f.Key, f.Problem, f.Remedy)
	}
	share := func(x float64) bool { return x >= 0 && x <= 1 }
	k.want(share(r.Threshold), "routing.threshold", "is not between 0 and 1", "0 leaves it to the router")
	seen := map[string]bool{}
	for i, t := range r.Tenants {
		key := func(s string) string { return fmt.Sprintf("routing.tenants[%d].%s", i, s) }
		k.want(t.Tenant != "", key("tenant"), "is empty", "name the tenant")
		k.want(!seen[t.Tenant] || t.Tenant == "", key("tenant"), fmt.Sprintf("%q is listed twice", t.Tenant), "keep one entry")
		seen[t.Tenant] = true
		k.want(share(t.Threshold), key("threshold"), "is not between 0 and 1", "0 is always the large model")
	}
	k.want(r.Deadline > 0, "routing.deadline", "is not above 0", "250ms is the default")
	k.want(r.ExplainDeadline > 0, "routing.explain_deadline", "is not above 0", "5s is the default")
	k.want(r.MaxBytes >= 64, "routing.max_bytes", "is below 64", "8192 is the default")
	k.oneOf("routing.long_prompts", r.LongPrompts, "truncate", "refuse")
	k.want(r.Concurrency >= 1, "routing.concurrency", "is below 1", "64 is the default")
	k.want(r.ShadowConcurrency >= 1, "routing.shadow_concurrency", "is below 1", "8 is the default")
	k.want(r.Circuit.Failures >= 1, "routing.circuit.failures", "is below 1", "5 is the default")
	k.want(r.Circuit.Pause > 0, "routing.circuit.pause", "is not above 0", "10s is the default")
	k.want(r.Canary.Window >= time.Second, "routing.canary.window", "is below 1s", "5m is the default")
	k.want(r.Canary.MinRequests >= 1, "routing.canary.min_requests", "is below 1", "50 is the default")
	k.want(r.Canary.Margin > 0 && r.Canary.Margin < 1, "routing.canary.margin", "is not between 0 and 1", "0.05 is the default")
	k.want(r.Canary.LatencyFactor >= 1, "routing.canary.latency_factor", "is below 1", "2 is the default")
}
