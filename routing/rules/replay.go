package rules

import (
	"slices"
	"time"

	"sluice"
	"sluice/routing/features"
)

// Replay holds past decisions against other rules and adds up what would change. Policies stay as they
// were decided: it is the rules that are tried, not a router.
//
// Live latency is what the decisions themselves show: the 95th percentile of each model's last hundred. How
// far budgets were spent is not recorded: conditions on it hold by Spent alone.
type Replay struct {
	Mapper *Mapper
	// Spent is the share of a budget to assume; 0: there is none.
	Spent float64
	// Price is what a request of this usage would cost with another model, used for models that no replayed
	// decision asked.
	Price func(model string, at time.Time, u sluice.Usage) (sluice.MicroUSD, error)

	report  Change
	means   map[string]*mean
	moved   []move
	latency map[string]*recent
	p95     map[string]time.Duration
}

// Change is what would change.
type Change struct {
	Decisions int `json:"decisions"`
	// Others counts what no rule decided, nor would refuse, by why: explicit, conversation, budget, unrouted.
	Others map[string]int `json:"others,omitempty"`
	// Changed asked another model, or would be refused.
	Changed int `json:"changed"`
	// Models and Rules count decisions by model and by rule, before and after; a refusal has the model "".
	Models map[string]BeforeAfter `json:"models"`
	Rules  map[string]BeforeAfter `json:"rules"`
	// Moves count changes by the models before and after.
	Moves []Move `json:"moves"`
	// CostBefore is what the decisions cost, CostAfter what they would have: what stays costs the same, what
	// moves costs the mean of its new model.
	CostBefore sluice.MicroUSD `json:"cost_before_microusd"`
	CostAfter  sluice.MicroUSD `json:"cost_after_microusd"`
	// Unpriced counts the moves that no cost is known of; they count as free.
	Unpriced int `json:"unpriced,omitempty"`
	// Failures counts the rules that failed.
	Failures map[string]int64 `json:"failures,omitempty"`
}

// BeforeAfter is a count under the old rules and under the new ones.
type BeforeAfter struct {
	Before int `json:"before"`
	After  int `json:"after"`
}

// Move is how many decisions would go from one model to another; To is empty for refusals.
type Move struct {
	From string `json:"from"`
	To   string `json:"to"`
	N    int    `json:"n"`
}

// mean adds up what a model's decisions cost.
type mean struct {
	n    int
	cost sluice.MicroUSD
}

// move is one changed decision.
type move struct {
	from, to string
	priced   bool
	cost     sluice.MicroUSD // by the price table
}

// Add replays one decision; they are added in the order of time.
func (r *Replay) Add(d sluice.Decision) {
	if r.means == nil {
		r.means, r.latency, r.p95 = map[string]*mean{}, map[string]*recent{}, map[string]time.Duration{}
		r.report = Change{Others: map[string]int{}, Models: map[string]BeforeAfter{}, Rules: map[string]BeforeAfter{}}
	}
	defer r.note(d)
	out := r.Mapper.Map(r.facts(d))
	if why := notByRules(d); why != "" && (out.Refusal == "" || !refusable(why)) {
		r.report.Others[why]++
		return
	}
	before := chosen(d)
	r.report.Decisions++
	r.report.CostBefore += d.Cost
	count(r.report.Models, before, out.Model)
	count(r.report.Rules, d.Rule, out.Rule)
	if out.Model == before {
		r.report.CostAfter += d.Cost
		return
	}
	r.report.Changed++
	m := move{from: before, to: out.Model, priced: out.Model == ""}
	if out.Model != "" && r.Price != nil {
		if cost, err := r.Price(out.Model, d.DecidedAt, d.Usage); err == nil {
			m.cost, m.priced = cost, true
		}
	}
	r.moved = append(r.moved, m)
}

// refusable says whether a decision that is none of the rules' for this reason is refused where a rule refuses.
func refusable(why string) bool { return why == ExplicitRule || why == ConversationRule }

// notByRules says why a decision is none of the rules'.
func notByRules(d sluice.Decision) string {
	switch {
	case slices.Contains(reserved, d.Rule) && d.Rule != StaticRule:
		return d.Rule
	case d.Policy == "" || d.Rule == "":
		return "unrouted"
	}
	return ""
}

// chosen is the model that the rules chose: the first that was asked. A refusal asked none.
func chosen(d sluice.Decision) string {
	if len(d.Fallbacks) > 0 {
		return d.Fallbacks[0]
	}
	return d.Model
}

func (r *Replay) facts(d sluice.Decision) Facts {
	f := features.Of(d.Query.Text)
	if len(d.Features) > 0 { // of the text before it was masked
		language := f.Language
		f = features.FromMap(d.Features)
		f.Language = language
	}
	facts := Facts{
		Policy: d.Policy, Probabilities: d.Probabilities, Score: d.Probabilities[sluice.Complex], Threshold: d.Threshold,
		Router: d.RouterVersion, Text: d.Query.Text, Features: f, Tenant: d.Query.Tenant, Tags: d.Query.Tags, KeyID: d.KeyID,
		Latency: r.p95, At: d.DecidedAt,
	}
	if r.Spent > 0 {
		facts.Budget = Budget{Name: "assumed", Spent: r.Spent}
	}
	return facts
}

// note remembers what later decisions are estimated by.
func (r *Replay) note(d sluice.Decision) {
	if d.Model == "" || d.Outcome != sluice.OutcomeOK {
		return
	}
	if len(d.Fallbacks) == 0 { // else the cost is of several models
		m := r.means[d.Model]
		if m == nil {
			m = &mean{}
			r.means[d.Model] = m
		}
		m.n++
		m.cost += d.Cost
	}
	if d.ModelMS > 0 {
		l := r.latency[d.Model]
		if l == nil {
			l = &recent{}
			r.latency[d.Model] = l
		}
		r.p95[d.Model] = l.add(time.Duration(d.ModelMS) * time.Millisecond)
	}
}

// Change is what all of them would change.
func (r *Replay) Change() Change {
	out := r.report
	out.Failures = r.Mapper.Failures()
	moves := map[[2]string]int{}
	for _, m := range r.moved {
		moves[[2]string{m.from, m.to}]++
		mean := r.means[m.to]
		switch {
		case m.to == "": // refused
		case mean != nil:
			out.CostAfter += mean.cost / sluice.MicroUSD(mean.n)
		case m.priced:
			out.CostAfter += m.cost
		default:
			out.Unpriced++
		}
	}
	for pair, n := range moves {
		out.Moves = append(out.Moves, Move{pair[0], pair[1], n})
	}
	slices.SortFunc(out.Moves, func(a, b Move) int {
		if a.N != b.N {
			return b.N - a.N
		}
		return slices.Compare([]string{a.From, a.To}, []string{b.From, b.To})
	})
	return out
}

func count(counts map[string]BeforeAfter, before, after string) {
	b := counts[before]
	b.Before++
	counts[before] = b
	a := counts[after]
	a.After++
	counts[after] = a
}

// recent is a model's last hundred latencies.
type recent struct {
	last []time.Duration
	next int
}

func (r *recent) add(d time.Duration) (p95 time.Duration) {
	const most = 100
	if len(r.last) < most {
		r.last = append(r.last, d)
	} else {
		r.last[r.next%most] = d
	}
	r.next++
	sorted := slices.Sorted(slices.Values(r.last))
	return sorted[len(sorted)*95/100]
}
