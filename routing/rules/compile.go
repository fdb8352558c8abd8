package rules

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"sluice"
)

// rule is a rule, ready to run.
type rule struct {
	name    string
	conds   []condition
	model   string
	tier    sluice.Tier
	reason  template
	refusal template
}

// condition says whether it holds; an error is the rule's failure.
type condition func(*eval) (bool, error)

// holds asks the conditions in their order, the cheap ones first.
func (r *rule) holds(e *eval) (bool, error) {
	for _, c := range r.conds {
		if ok, err := c(e); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// placed is a rule with the place of its text.
type placed struct {
	Rule
	at string
}

// compiler makes rules of their text and collects faults.
type compiler struct {
	spec   Spec
	static map[sluice.Policy]target
	faults *FaultsError
}

var ruleName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

func (c compiler) rule(p placed) rule {
	k := checker{at: p.at, faults: c.faults}
	k.want(ruleName.MatchString(p.Name), "name", fmt.Sprintf("%q is not a name", p.Name), "want lower-case letters, digits, - and _, at most 64")
	k.want(!slices.Contains(reserved, p.Name), "name", fmt.Sprintf("%q means something else in decisions", p.Name), "take another")
	conds, words := c.when(k, p.When)
	r := rule{name: p.Name, conds: conds}
	c.then(k, p.Then, &r)
	reason := p.Reason
	if reason == "" {
		reason = words
	}
	r.reason = k.template("reason", reason)
	return r
}

func (c compiler) then(k checker, t Then, r *rule) {
	given := 0
	for _, s := range []string{t.Model, t.Tier, t.Refuse} {
		if s != "" {
			given++
		}
	}
	k.want(given == 1, "then", fmt.Sprintf("has %d of model, tier and refuse", given), "give exactly one")
	switch {
	case t.Tier != "":
		k.want(t.Tier == string(sluice.Medium) || t.Tier == string(sluice.Large), "then.tier", fmt.Sprintf("is %q", t.Tier), "want medium or large")
		r.model = c.spec.modelOf(sluice.Tier(t.Tier))
	case t.Model != "":
		k.want(c.spec.lists(t.Model), "then.model", fmt.Sprintf("%q is not listed in models", t.Model), c.nameModel())
		r.model = t.Model
	case t.Refuse != "":
		r.refusal = k.template("then.refuse", t.Refuse)
		return
	}
	r.tier = c.spec.tierOf(r.model)
}

func (c compiler) nameModel() string {
	return "add it there, or name one of " + strings.Join(c.spec.Models, ", ")
}

// when compiles the conditions and puts them into words.
func (c compiler) when(k checker, w When) ([]condition, string) {
	var conds []condition
	var words []string
	add := func(given bool, cond condition, text string) {
		if given {
			conds, words = append(conds, cond), append(words, text)
		}
	}
	c.checkPolicies(k, w.Policies)
	k.want(w.MinWords >= 0, "when.min_words", "is negative", "leave it out")
	k.want(w.MaxWords >= 0, "when.max_words", "is negative", "leave it out")
	k.want(w.MaxWords == 0 || w.MinWords <= w.MaxWords, "when.max_words", "is below min_words", "no query can have both")
	k.want(w.BudgetSpent >= 0 && w.BudgetSpent <= 1, "when.budget_spent", "is not between 0 and 1", "0.8 means four fifths of the budget")

	add(len(w.Policies) > 0, inPolicies(w.Policies), "the policy is {policy}")
	add(len(w.Tenants) > 0, func(e *eval) (bool, error) { return slices.Contains(w.Tenants, e.Tenant), nil }, "tenant {tenant}")
	add(len(w.Keys) > 0, func(e *eval) (bool, error) { return slices.Contains(w.Keys, e.KeyID), nil }, "key {key}")
	add(len(w.Tags) > 0, hasTag(w.Tags), "tagged "+escape(strings.Join(w.Tags, " or ")))
	add(w.BudgetSpent > 0, budgetSpent(w.BudgetSpent), fmt.Sprintf("%s of the budget {budget} is spent, the limit is %s", "{spent}", percent(w.BudgetSpent)))
	add(w.MinWords > 0, func(e *eval) (bool, error) { return e.Features.Words >= w.MinWords, nil }, fmt.Sprintf("{words} words are at least %d", w.MinWords))
	add(w.MaxWords > 0, func(e *eval) (bool, error) { return e.Features.Words <= w.MaxWords, nil }, fmt.Sprintf("{words} words are at most %d", w.MaxWords))
	add(w.Math, func(e *eval) (bool, error) { return e.Features.HasMath(), nil }, "the query holds mathematics")
	add(w.Code, func(e *eval) (bool, error) { return e.Features.HasCode(), nil }, "the query holds source code")
	add(w.Latency != Latency{}, c.latency(k, w.Latency), fmt.Sprintf("the 95th percentile of {slow} is {p95}, above %s", w.Latency.P95Above))
	add(!w.Time.IsZero(), k.window(w.Time), "it is {time}")
	add(len(w.Keywords) > 0, k.keywords(w.Keywords), `the query says "{keyword}"`)
	add(w.Expr != "", c.custom(k, w.Expr), "the expression holds: "+escape(w.Expr))
	if len(words) == 0 {
		return conds, "the rule holds always"
	}
	return conds, strings.Join(words, "; ")
}

func (c compiler) checkPolicies(k checker, policies []string) {
	for i, p := range policies {
		_, known := c.static[sluice.Policy(p)]
		k.want(known, fmt.Sprintf("when.policies[%d]", i), fmt.Sprintf("%q is no policy", p), "name one of policies")
	}
}
