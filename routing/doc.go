// Package routing decides which kind of query a text is, and says why.
//
// A [Request] enters; a [Choice] (policy, calibrated probabilities, reasoning, version) leaves. A router
// sees the query alone: never an answer, a verdict or a ground truth. Which model a policy means is not
// decided here but by the rules (package routing/rules), so that models change without retraining.
package routing
