package evaluation

import (
	"context"
	"fmt"
	"slices"

	"sluice"
)

// RuleFacts is what a chain of rules may know of a graded query.
type RuleFacts struct {
	Text string
	// Static says that no router decides.
	Static bool
	// Complex says whether the router alone would ask the large model, at the report's operating point.
	Complex bool
	// Score is the router's P(Complex), Threshold what it is held against there; both are 0 where no router
	// decides.
	Score, Threshold float64
	// Spent is the share of the budget that the queries before this one have used; 0 without a budget.
	Spent float64
}

// Rules is a chain of rules over routers.
type Rules interface {
	// Name is what tables call it.
	Name() string
	// Choose names the model's tier, empty where the request is refused, and the rule that says so. It fails where
	// the chain asks for a model that the data have no grades of.
	Choose(RuleFacts) (tier sluice.Tier, rule string, err error)
}

// Ruled is what became of a router's decisions under a chain of rules. Every number is over the same held-out
// queries as the router's own line.
type Ruled struct {
	Router string `json:"router"`
	Rules  string `json:"rules"`
	// LargeShare, Accuracy and Cost are of the choices as the chain leaves them; Cost is nil without prices.
	LargeShare float64  `json:"large_share"`
	Accuracy   float64  `json:"accuracy"`
	Cost       *float64 `json:"cost_microusd"`
	// Alone is the accuracy of the router alone, its threshold moved until it costs as much, Gain how much more
	// accurate the chain is than that, and Interval its 95% bootstrap interval; nil where it has none.
	Alone    float64   `json:"accuracy_alone"`
	Gain     float64   `json:"gain"`
	Interval *Interval `json:"interval"`
	// Fired counts the queries by the rule that decided them; Refused got no answer, which counts as a wrong one.
	Fired   map[string]int `json:"fired"`
	Refused int            `json:"refused,omitempty"`
}

// RuleOptions say how chains are measured.
type RuleOptions struct {
	Options
	// Budget, where above 0, is a budget that the queries use up one after the other, as a share of what the router
	// alone costs: 0.7 does not suffice for it.
	Budget float64
}

// staticMap is what tables call the decisions where no router decides.
const staticMap = "static map"

// Rule measures chains over each router, and over the static map, where no router decides. Costs are dollars,
// or large calls where the models have no price.
func Rule(ctx context.Context, samples []Sample, all []Scored, chains []Rules, o RuleOptions) ([]Ruled, error) {
	if len(chains) == 0 {
		return nil, nil
	}
	o.Options = o.Resampled(samples)
	if o.Unpriced {
		samples = byCalls(samples)
	}
	var out []Ruled
	contenders := []Scored{{Name: staticMap, Scores: make([]float64, len(samples)), Ranks: make([]float64, len(samples))}}
	for _, scored := range all {
		if !baselines[scored.Name] {
			contenders = append(contenders, scored)
		}
	}
	for _, scored := range contenders {
		for _, chain := range chains {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			r, err := rule(samples, scored, chain, o)
			if err != nil {
				return nil, fmt.Errorf("rules %s over %s: %w", chain.Name(), scored.Name, err)
			}
			out = append(out, r)
		}
	}
	return out, nil
}

// byCalls gives each sample the price of a call: 1 for the large model, 0 for the medium one.
func byCalls(samples []Sample) []Sample {
	out := slices.Clone(samples)
	for i := range out {
		out[i].MediumCost, out[i].LargeCost = 0, 1
	}
	return out
}

// chosen is what a chain made of each sample.
type chosen struct {
	right, cost []float64
	large       float64
	ruled       Ruled
}

func rule(samples []Sample, scored Scored, chain Rules, o RuleOptions) (Ruled, error) {
	w := Weigh(samples, scored, o.OperatingShare, 0)
	c, err := choose(w, chain, o.Budget)
	if err != nil {
		return Ruled{}, err
	}
	r := c.ruled
	n := float64(len(samples))
	r.LargeShare = c.large / n
	accuracy, cost := c.means(w)
	r.Accuracy, r.Alone = accuracy, w.Curve().atCost(cost).Accuracy
	r.Gain = r.Accuracy - r.Alone
	if !o.Unpriced {
		r.Cost = &cost
	}
	gains := make([]float64, 0, len(o.draws))
	for _, d := range o.draws {
		w.reweigh(d)
		accuracy, cost := c.means(w)
		gains = append(gains, accuracy-w.Curve().atCost(cost).Accuracy)
	}
	if ci, ok := percentile95(gains, len(o.draws)); ok {
		r.Interval = &ci
	}
	return r, nil
}

// means are accuracy and cost under the weights of w.
func (c *chosen) means(w *Weighted) (accuracy, cost float64) {
	for i := range c.right {
		k := w.weight(i)
		accuracy, cost = accuracy+k*c.right[i], cost+k*c.cost[i]
	}
	return accuracy / w.total, cost / w.total
}

// choose runs the chain over the samples, in their order.
func choose(w *Weighted, chain Rules, budget float64) (*chosen, error) {
	c := &chosen{right: make([]float64, len(w.samples)), cost: make([]float64, len(w.samples))}
	c.ruled = Ruled{Router: w.scored.Name, Rules: chain.Name(), Fired: map[string]int{}}
	escalated, threshold := w.complexAtShare()
	limit, spent := 0.0, 0.0
	for i, s := range w.samples {
		alone := s.MediumCost
		if escalated[i] {
			alone = s.LargeCost
		}
		limit += budget * float64(alone)
	}
	for i, s := range w.samples {
		f := RuleFacts{Text: s.Text, Static: w.scored.Name == staticMap, Complex: escalated[i], Score: w.scored.Scores[i], Threshold: threshold}
		if limit > 0 {
			f.Spent = spent / limit
		}
		tier, rule, err := chain.Choose(f)
		if err != nil {
			return nil, err
		}
		switch tier {
		case sluice.Large:
			c.right[i], c.cost[i], c.large = s.Large, float64(s.LargeCost), c.large+1
		case sluice.Medium:
			c.right[i], c.cost[i] = s.Medium, float64(s.MediumCost)
		default:
			c.ruled.Refused++
		}
		spent += c.cost[i]
		c.ruled.Fired[rule]++
	}
	return c, nil
}

// complexAtShare marks the samples that the router alone sends to the large model at the operating point, and
// tells the lowest score among them. Samples of equal rank go together, and stay where all of them are too many,
// so that a router that tells nothing apart sends none.
func (w *Weighted) complexAtShare() (marks []bool, threshold float64) {
	marks = make([]bool, len(w.samples))
	left := int(w.share*w.total + 0.5)
	for _, tie := range w.ties {
		if left -= len(tie); left < 0 {
			break
		}
		for _, at := range tie {
			marks[at], threshold = true, w.scored.Scores[at]
		}
	}
	return marks, threshold
}

// atCost interpolates the curve at a mean cost of a query.
func (c Curve) atCost(cost float64) Point {
	i := slices.IndexFunc(c, func(p Point) bool { return p.Cost >= cost })
	switch i {
	case 0:
		return c[0]
	case -1:
		return c[len(c)-1]
	}
	a, b := c[i-1], c[i]
	return c.At(a.LargeShare + (cost-a.Cost)/(b.Cost-a.Cost)*(b.LargeShare-a.LargeShare))
}
