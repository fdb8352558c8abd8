package rules

import (
	"time"

	"sluice"
	"sluice/routing/features"
)

// Facts is what the rules may know of one request. The zero value of a field means that it is not known,
// and a condition on what is not known does not hold.
type Facts struct {
	// Policy is the one in force: the router's, after the threshold. Where no router was asked only a refusal is heeded:
	// then it is empty, since the client named the model, or the one that the conversation began with.
	Policy sluice.Policy
	// Probabilities are the router's; Score is P(Complex) and Threshold the knob that it was held against.
	// All are zero where the static map decided, and where no router was asked.
	Probabilities map[sluice.Policy]float64
	Score         float64
	Threshold     float64
	// Router is the version of the router that chose the policy; "static" for the static map.
	Router string

	// Text is the question, and Features its numbers, by features.Of. They are computed once a request, by
	// whoever records them too.
	Text     string
	Features features.Features

	Tenant string
	Tags   []string
	KeyID  string

	// Budget is the one among those that the request counts against of which the largest share is spent,
	// those that only warn apart.
	Budget Budget
	// Latency is the live 95th percentile of each model, by the model's name. The mapper only reads it, so
	// that many requests may share one map.
	Latency map[string]time.Duration
	// At is the time of the request.
	At time.Time
}

// Budget is the state of one budget.
type Budget struct {
	// Name says which: "tenant acme, day". Empty: there is no budget.
	Name string
	// Spent is the share of the cap that is spent or reserved: 0.8 is four fifths.
	Spent float64
	// Left is what remains below the cap.
	Left sluice.MicroUSD
}

// Outcome is what the chain made of the facts.
type Outcome struct {
	// Model is the one to ask; empty where Refusal is set. Tier is its role in the pair, empty where it has
	// none.
	Model string
	Tier  sluice.Tier
	// Rule is the one that fired; [StaticRule] where none did. Reason says why, in words.
	Rule   string
	Reason string
	// Refusal, where set, is what the client is told instead of an answer.
	Refusal string
	// RulesVersion is the mapper's; see [Mapper.Version].
	RulesVersion string
	// Skipped are the rules that failed and were left out; nil as a rule.
	Skipped []Skipped
}

// Skipped is a rule that failed on these facts.
type Skipped struct {
	Rule string
	Err  error
}

// The names in the place of a rule's in decisions.
const (
	// StaticRule is the last word in every chain: policy, tier, model.
	StaticRule = "static"
	// ExplicitRule: the client named the model. ConversationRule: the conversation began with it. BudgetRule:
	// a budget had no room for the model that the rules chose. The gateway gives these.
	ExplicitRule     = "explicit"
	ConversationRule = "conversation"
	BudgetRule       = "budget"
)

// reserved are the names that no rule may have.
var reserved = []string{StaticRule, ExplicitRule, ConversationRule, BudgetRule}
