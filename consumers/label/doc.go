// Package label joins the two verdicts of a query in the oracle matrix.
//
// Verdicts enter in any order, by any number of copies, as often as the log delivers them; for each
// query, pair, judge version and matrix version exactly one label leaves, which carries the query and
// the policy, and no answer, verdict, reason or ground truth.
//
// The stage keeps no state: the VERDICTS stream is the state. Of two verdicts the one that the log stored
// later makes the label, so that the two need no agreement; and a read that was answered by a replica
// which lags behind the batch's own messages is not believed. Everything that the label says follows
// from the verdicts and the versions, so that whoever makes it twice makes the same one (Invariant 2).
package label
