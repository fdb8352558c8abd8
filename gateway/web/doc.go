// Package web is a gateway's door over HTTP: who may come in, what is let through, and the endpoints that
// belong to no dialect.
//
// A request enters; it leaves authenticated, its body read and bounded, to the [Route] of a dialect
// (gateway/openai, gateway/gemini), whose faults go back in that dialect's own words. A request with an
// Idempotency-Key is answered once. Authorization is read here and goes no further: it is in no Request,
// no log line and no metric.
package web
