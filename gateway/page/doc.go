// Package page is the page for people: what the ring and the gateways are doing, which router decides and
// how good it is, a box to try a decision in, and the dead letters.
//
// Numbers enter by [Sources]; one page with embedded assets leaves, that asks nobody but its own server.
// Anyone may look at numbers; the texts of queries and whatever changes something want a login with an
// admin key. The package opens no connection and decides nothing.
package page
