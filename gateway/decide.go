package gateway

import (
	"context"
	"fmt"
	"time"

	"sluice"
	"sluice/gateway/budget"
	"sluice/privacy"
	"sluice/routing"
	"sluice/routing/features"
	"sluice/routing/front"
	"sluice/routing/rules"
	"sluice/telemetry"
)

// routerNone is the router's version of a decision that no router took part in.
const routerNone = "none"

// Source is what the gateway calls itself in the queries that it writes down.
const Source = "gateway"

// plan is a request that was decided on.
type plan struct {
	d     *sluice.Decision
	front front.Decision
	// routed is true where the router was asked.
	routed bool
	// refusal, where set, is why the request is not answered though it was decided on.
	refusal *Fault
}

// Decide decides on a request and answers nothing: what /v1/route tells. Nothing is written down.
func (p *Pipeline) Decide(ctx context.Context, a *Ask) (d sluice.Decision, err error) {
	ctx, leave, fault := p.enter(ctx)
	if fault != nil {
		return sluice.Decision{}, fault
	}
	defer leave()
	defer func() {
		if v := recover(); v != nil {
			d, err = sluice.Decision{}, p.panicked(ctx, nil, a.API, v)
		}
	}()
	pl := plan{}
	if fault := p.plan(ctx, a, &d, &pl); fault != nil {
		return sluice.Decision{}, fault
	}
	pl.d.LatencyMS = p.o.Now().Sub(pl.d.DecidedAt).Milliseconds()
	if pl.refusal != nil {
		pl.d.Status, pl.d.Error = pl.refusal.Status(), pl.refusal.Error()
	}
	return d, nil
}

// plan checks a request and decides on it, into d and pl; with a fault they are as they were.
func (p *Pipeline) plan(ctx context.Context, a *Ask, d *sluice.Decision, pl *plan) *Fault {
	ctx, span := telemetry.Part(ctx, "decide")
	defer span.End(nil)
	now := p.o.Now().UTC().Truncate(time.Microsecond)
	if fault := p.o.Limits.check(a); fault != nil {
		return fault
	}
	if a.Model != Auto && !p.named[a.Model] {
		return UnknownModel(a.Model, p.Names())
	}
	if p.o.Limiter != nil {
		if ok, wait := p.o.Limiter.Allow(a.Key); !ok {
			return TooOften(a.Key, wait)
		}
	}
	text := a.question()
	f, rs := features.Of(text), *p.rules.Load()
	*d = sluice.Decision{
		ID: p.o.NewID(), Query: p.query(a, text, now), API: a.API, Requested: a.Model, KeyID: a.Key.ID,
		Conversation: a.Conversation, DecidedAt: now, Streamed: a.Stream, Features: f.Map(), RulesVersion: rs.Version(),
	}
	pl.d = d
	known := rules.Facts{Text: text, Features: f, Tenant: a.Key.Tenant, Tags: a.Tags, KeyID: a.Key.ID, At: now}
	switch begun, ok := p.sticky.get(a.Key.Tenant, a.Conversation); {
	case a.Model != Auto:
		pl.d.Model, pl.d.RouterVersion, pl.d.ReasoningSource = a.Model, routerNone, routing.ReasoningNone
		pl.d.Rule, pl.d.RuleReason = rules.ExplicitRule, "the client named the model"
		p.heed(a, known, rs, pl)
	case ok:
		pl.stick(begun)
		p.heed(a, known, rs, pl)
	default:
		p.route(ctx, a, known, rs, pl)
	}
	pl.d.Tier = p.tierOf(pl.d.Model)
	describe(span, pl.d)
	return nil
}

// MostStored is how many bytes of a question, and of its answer, a decision holds: it is one message of the log, whose
// largest is a megabyte, and one that does not fit would not be published at all. It is
// cut behind the masking: half a name is not found.
const MostStored = 256 << 10

// query is the question as it is written down: personal data masked.
func (p *Pipeline) query(a *Ask, text string, now time.Time) sluice.Query {
	scrubbed, n := privacy.Scrub(sluice.CleanText(text, 0))
	return sluice.Query{ // known by the whole of it
		Key: sluice.QueryKey(a.Key.Tenant, "", scrubbed), Text: sluice.CleanText(scrubbed, MostStored), Source: Source, Tenant: a.Key.Tenant,
		Tags: a.Tags, AskedAt: now, Split: sluice.SplitOf(scrubbed, p.o.Seed, p.o.TrainShare), Scrubbed: n,
	}
}

// route asks the router, then the rules.
func (p *Pipeline) route(ctx context.Context, a *Ask, known rules.Facts, rs Mapper, pl *plan) {
	key := a.Conversation
	if key == "" {
		key = pl.d.ID
	}
	fd := p.o.Front.Decide(ctx, front.Request{
		Text: known.Text, Tenant: a.Key.Tenant, RequestKey: key, Explain: a.Explain, Threshold: a.Threshold,
	})
	pl.front, pl.routed = fd, true
	d := pl.d
	d.Policy, d.Probabilities, d.Threshold = fd.Choice.Policy, fd.Choice.Probabilities, fd.Threshold
	d.Reasoning, d.ReasoningSource = fd.Choice.Reasoning, fd.Choice.ReasoningSource
	if d.ReasoningSource == routing.ReasoningGenerated { // it may quote the question
		d.Reasoning = Scrubbed(d.Reasoning)
	}
	d.RouterVersion, d.RouterFault, d.RouterUS, d.Canary = fd.Choice.Version, string(fd.Fault), fd.RouterUS, fd.Canary
	known.Probabilities, known.Score, known.Threshold = d.Probabilities, fd.Choice.Score(), d.Threshold
	out := p.ask(a, known, p.o.Large, rs, pl)
	d.Model, d.Rule, d.RuleReason = out.Model, out.Rule, out.Reason
	if fd.Refusal != "" {
		pl.refusal = &Fault{Kind: TooLarge, Param: "messages", Message: fd.Refusal}
	}
}

// heed refuses what a rule refuses where the model is known without the rules. What else they say is left: the
// model stays.
func (p *Pipeline) heed(a *Ask, known rules.Facts, rs Mapper, pl *plan) {
	if out := p.ask(a, known, pl.d.Model, rs, pl); pl.refusal != nil {
		pl.d.Model, pl.d.Rule, pl.d.RuleReason = "", out.Rule, out.Reason
	}
}

// ask asks the rules about what is known of a request; they may refuse it.
func (p *Pipeline) ask(a *Ask, known rules.Facts, model string, rs Mapper, pl *plan) rules.Outcome {
	known.Policy, known.Router = pl.d.Policy, pl.d.RouterVersion
	known.Budget, known.Latency = p.mostSpent(a, model), p.speed.snapshot()
	out := rs.Map(known)
	if out.Refusal != "" {
		pl.refusal = &Fault{Kind: Refused, Message: out.Refusal}
	}
	return out
}

// mostSpent is the budget among the request's of which most is gone. One that only warns lets everything pass, and is no
// concern of the rules.
func (p *Pipeline) mostSpent(a *Ask, model string) rules.Budget {
	if p.o.Budgets == nil {
		return rules.Budget{}
	}
	for _, s := range p.o.Budgets.State(a.Key.Tenant, a.Key.ID, model, a.Key.Budgets...) {
		if s.Action != budget.ActionWarn {
			return rules.Budget{Name: nameOf(s), Spent: s.Share, Left: s.Left}
		}
	}
	return rules.Budget{}
}

func nameOf(s budget.State) string {
	return fmt.Sprintf("%s, %s", BudgetName(s.Budget, s.Subject), s.Period)
}

// BudgetName says which budget it is, and whose.
func BudgetName(budget, subject string) string {
	if subject == "" {
		return budget
	}
	return budget + " of " + subject
}

// stick keeps a request with the model of its conversation.
func (pl *plan) stick(c conversation) {
	pl.d.Model, pl.d.Policy, pl.d.RouterVersion = c.model, c.policy, c.router
	pl.d.ReasoningSource = routing.ReasoningNone
	pl.d.Rule, pl.d.RuleReason = rules.ConversationRule, "the conversation began with this model"
}
