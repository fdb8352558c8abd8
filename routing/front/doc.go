// Package front is the router in front of a gateway: it wraps the routers that are in service and always
// decides.
//
// A [Request] enters [Front.Decide], a [Decision] leaves, within the deadline and whatever the routers do:
// where the active one is late, fails, panics or is not there, the static map decides and the decision says
// why. [Front.Swap] puts other routers into service between two requests; a request uses one version
// throughout. A candidate may decide too, unseen (shadow), or for a share of the traffic (canary), from
// which it is dropped when it does worse than the active one.
package front
