package rules

import "time"

// Rule is one entry of the chain, as it is written in sluice.yaml. The tags are its documentation there.
type Rule struct {
	Name   string `key:"name" json:"name" doc:"The rule's name in decisions and metrics. A rule with the name of one of the preset takes its place in the chain."`
	When   When   `key:"when" json:"when" doc:"All conditions that are given must hold; none given holds always."`
	Then   Then   `key:"then" json:"then" doc:"What happens: exactly one of model, tier and refuse."`
	Reason string `key:"reason" json:"reason,omitzero" doc:"Why, as decisions record it; placeholders in braces such as {policy}, {score}, {words}, {keyword}, {budget}, {spent}, {model}. Empty: the conditions in words."`
}

// When is a rule's conditions. Zero values are conditions that were not given.
type When struct {
	Policies    []string `key:"policies" json:"policies,omitempty" doc:"The policy is one of these."`
	Tenants     []string `key:"tenants" json:"tenants,omitempty" doc:"The tenant is one of these."`
	Tags        []string `key:"tags" json:"tags,omitempty" doc:"The request carries at least one of these tags."`
	Keys        []string `key:"keys" json:"keys,omitempty" doc:"The request came with one of these virtual keys, by id."`
	Keywords    []string `key:"keywords" json:"keywords,omitempty" doc:"The query holds one of these words or phrases: whole words, in any letter case."`
	MinWords    int      `key:"min_words" json:"min_words,omitzero" doc:"The query has at least so many words."`
	MaxWords    int      `key:"max_words" json:"max_words,omitzero" doc:"The query has at most so many words."`
	Math        bool     `key:"math" json:"math,omitzero" doc:"The query holds mathematics: LaTeX, arithmetic, an equation, words of mathematics."`
	Code        bool     `key:"code" json:"code,omitzero" doc:"The query holds source code."`
	BudgetSpent float64  `key:"budget_spent" json:"budget_spent,omitzero" doc:"At least this share (0.8: four fifths) of a budget that the request counts against, and that does more than warn, is spent or reserved."`
	Latency     Latency  `key:"latency" json:"latency,omitzero" doc:"A model is slow at present."`
	Time        Window   `key:"time" json:"time,omitzero" doc:"The request comes within a window of the week."`
	Expr        string   `key:"expr" json:"expr,omitzero" doc:"An expression that must be true, in the language of expr-lang.org without loops; docs/routing.md lists what it may name."`
}

// Latency is a service level that a model misses.
type Latency struct {
	Model    string        `key:"model" json:"model,omitzero" doc:"Whose latency. Empty: the model that the static map would take."`
	P95Above time.Duration `key:"p95_above" json:"p95_above,omitzero" doc:"Its live 95th percentile is above this."`
}

// Window is a window of the week.
type Window struct {
	Zone     string   `key:"zone" json:"zone,omitzero" doc:"Time zone, as Europe/Berlin. Empty: UTC."`
	Weekdays []string `key:"weekdays" json:"weekdays,omitempty" doc:"mon, tue, wed, thu, fri, sat, sun: the days on which the window opens. Empty: every day."`
	From     string   `key:"from" json:"from,omitzero" doc:"Opens at this time of day, as 22:00. Empty: midnight."`
	To       string   `key:"to" json:"to,omitzero" doc:"Closes before this time of day; not later than from means on the next day. Empty: midnight."`
}

// Then is what a rule does. Exactly one field is set.
type Then struct {
	Model  string `key:"model" json:"model,omitzero" doc:"This model, one of models."`
	Tier   string `key:"tier" json:"tier,omitzero" doc:"medium or large: that model of the pair."`
	Refuse string `key:"refuse" json:"refuse,omitzero" doc:"Refuse the request and tell the client this; placeholders as in reason."`
}
