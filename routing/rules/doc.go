// Package rules is the flexible policy mapper: it decides which model a policy means, here and now.
//
// [Facts] enter: what the router said, the query's numbers, who asks, what the budget holds, how fast the
// models are, what time it is. An [Outcome] leaves: a model or a refusal, the rule that decided, and why.
// A [Mapper] is an ordered chain of rules made once from a [Spec]; the first rule whose conditions all hold
// decides, and where none does the static map does: policy, tier, model. Mapping is a pure function of its
// facts: no I/O, no clock, no randomness, no loop that a rule could make long. A rule that fails is left
// out and named; it never fails a request.
package rules
