// Package pricing turns token counts into micro-dollars.
//
// A [Table] of list prices (and an operator's own) enters, with effective dates and context tiers; what
// one provider call cost leaves, with the version of the prices used. Everything is integers: prices
// are micro-dollars per million tokens, costs are whole micro-dollars.
//
// A cost is rounded once per call, upwards to the next micro-dollar, so that the sum of the ledger is
// never below the provider's bill and a spending cap that holds for the ledger holds for the bill. The
// price of that is at most one dollar in a million calls.
//
// The package never guesses: a model without a price is an error, and [Table.Validate] finds it at start.
package pricing
