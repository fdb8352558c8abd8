// Package judge grades one answer, alone and blind.
//
// One answer enters: the question, the accepted answers where upstream knows any, and what was said. A
// line of the ledger for every provider call leaves, and one verdict: correct, incorrect or idk, with a
// short reason. An answer that the log holds a verdict of is not judged again by the same judge version
// (Invariant 5).
//
// It can't know who answered (Invariant 3): no type that reaches it has a field for a model, a tier, a
// price or a time, and what it asks its own model is made of question, accepted answers and answer and of
// nothing else, so that the same words get the same request whoever said them.
package judge
