// Package spool is a gateway's memory of what it owes to the log: an append-only file on the gateway's own
// disk that stands between a model call and JetStream.
//
// An intent enters before a model is called ([Spool.Begin]), the facts that came of it before the last byte
// goes to the client ([Spool.End]); the facts leave for JetStream in their own time ([Spool.Run]), however
// long NATS is away. What a killed gateway left without an end is given back at the next [Open], to be
// settled at what had been reserved. The package knows nothing of what intents and facts say.
//
// Both are in the operating system's hands when their call returns: a killed process loses nothing. What a
// loss of power may take is the choice of [Sync].
package spool
