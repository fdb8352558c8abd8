// Package budget keeps the gateways' spending within its limits, however many gateways there are
// (Invariant 7).
//
// A claim (who, which model, at most how much) enters before a model is called; a verdict leaves: go
// on, go on and warn, take the medium model, or refuse. What the call really cost follows. The money of
// a budget is one record of the log for each period, changed by compare-and-swap alone. A replica takes
// slices of it ahead of need, its leases, so that most claims are decided in memory; what is leased is
// counted as spent by everybody else. Nothing here calls a model, knows a price or reads the ledger,
// except that [Rebuild] adds up lines that it is given.
package budget
