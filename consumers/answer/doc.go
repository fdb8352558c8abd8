// Package answer asks both models of a pair the same question.
//
// One accepted query enters. For every provider call a line of the ledger leaves, and for each model one
// answer under its arm: what was said, and nothing of who said it (Invariant 3). An arm whose answer the
// log holds already is not asked again (Invariant 5), so that a failure of one model neither loses nor
// re-buys what the other said. It never judges, and never tells one arm's reply from the other's by
// order: both are asked at once and published in the order of their arms.
package answer
