// Package telemetry traces a query on its way: the gateway's request, each stage's handling of each
// message, each call of a model, as one OpenTelemetry trace (W3C Trace Context in HTTP and NATS headers).
//
// It is off unless an endpoint is configured, and then costs nothing: nobody holds a [Tracing]. Spans carry
// keys, models, counts and outcomes, and never a text, an answer or a secret.
package telemetry
