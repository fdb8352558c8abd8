// Package label joins the two verdicts of a query and draws the policy from the oracle matrix.
//
// Verdicts enter in batches, in whatever order, as often as they are delivered, to any number of copies.
// One label a query leaves: query and policy, and no answer, verdict, reason or ground truth.
//
// The stage keeps no state: the VERDICTS stream is the state, with one message a subject whose sequence
// never changes. Two rules make the join exact.
//
//  1. Only the later of the two verdicts, by its sequence in VERDICTS, makes the label. Whoever handles
//     it, and however often, finds the earlier one; whoever handles the earlier one stays silent.
//  2. A read counts only if it has seen the youngest verdict of the batch. The earlier verdict of every
//     pair in the batch is older than that, so that a replica which lags can't hide one: its answer is
//     stale, and the verdict is read again.
//
// Verdicts of different pairs or judge versions never meet. A replayed verdict keeps its place, so that
// replaying both, with another matrix, draws one label more and not two.
package label
