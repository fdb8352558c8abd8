// Package sluice holds the words of the domain: a [Query] that somebody asked, the [Answer] that a
// model gave, the [Verdict] of a blind judge, the [Label] that two verdicts meet in, the [Example]
// that a router learns from, the [Call] that cost money and the [Decision] that the gateway took.
//
// Everything here is a value: nothing opens a connection, reads a clock or draws a random number.
// The package imports the standard library only; every other package may import it.
package sluice
