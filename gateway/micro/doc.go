// Package micro is the gateway over NATS request and reply: the micro service "sluice-gateway" with the
// endpoints route.decide and route.answer, and "sluice-router", the router as a service of its own, with
// [Router] as its client.
//
// A request of JSON enters from any client of the log's servers; replies of JSON leave, faults with the
// headers of micro services. All copies of a service share one queue group, so that each request is
// answered once; `nats micro` finds them and shows their figures. Who may ask is decided by the
// permissions of the NATS account: there are no API keys here.
package micro
