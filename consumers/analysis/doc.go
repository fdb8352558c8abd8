// Package analysis describes a query from its text alone, and makes the example that a router learns
// from.
//
// A label enters; a line of the ledger for every provider call, the description and the example leave.
// The model is shown a [Subject], which has no field for an answer, a verdict, a policy or a ground
// truth (Invariant 3). A description that the log holds already is not bought again (Invariant 5),
// however often the query is labelled. The package never looks at the policy that it passes on.
package analysis
