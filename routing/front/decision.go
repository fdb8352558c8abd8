package front

import (
	"sync/atomic"
	"time"

	"sluice"
	"sluice/routing"
)

// Request is what a decision is asked for.
type Request struct {
	// Text is the question; in a conversation, the last user turn.
	Text string
	// Tenant may have a router and a threshold of its own.
	Tenant string
	// RequestKey decides whether the request belongs to the canary's share: equal keys are treated alike.
	// An id of the conversation keeps it with one version.
	RequestKey string
	// Explain asks for a generated reasoning, under the longer deadline.
	Explain bool
	// Threshold, where set, is the cost-quality knob of this request alone: from 0 (always the large model)
	// to 1 (hardly ever).
	Threshold *float64
}

// Decision is what was decided.
type Decision struct {
	// Choice is the router's, with the policy that the threshold gave; the static map's where Fault is set or
	// no router is in service.
	Choice routing.Choice
	// Threshold is what P(Complex) was held against; 0 where there are no probabilities.
	Threshold float64
	// Fault says why the static map decided; empty where it was not asked to.
	Fault Fault
	// Refusal, where set, is why the query should be refused: it is too long, by configuration. The static
	// map's choice stands beside it.
	Refusal string
	// RouterUS is what deciding took, microseconds.
	RouterUS int64
	// Canary is true where the candidate was asked for its share of the traffic.
	Canary bool
	// Shadow is the candidate's decision, still being made perhaps; nil where none was asked.
	Shadow *Shadow

	asked string // the version of the router that was asked, whether it decided or not
}

// Fault is why the static map decided, as sluice.Decision.RouterFault holds it.
type Fault string

// The faults.
const (
	FaultDeadline    Fault = "deadline"
	FaultUnparseable Fault = "unparseable"
	FaultUnavailable Fault = "unavailable" // it fails, has a pause after failing, or nothing was put into service yet
	FaultTooLong     Fault = "too_long"
)

// Shadow is a decision that is being made beside the one that is used.
type Shadow struct {
	version string
	done    atomic.Pointer[sluice.Shadow]
}

// Result is what the candidate decided. It never waits: where the candidate is not done the result says
// so as its fault. The result of a nil Shadow is nil.
func (s *Shadow) Result() *sluice.Shadow {
	if s == nil {
		return nil
	}
	if done := s.done.Load(); done != nil {
		return done
	}
	return &sluice.Shadow{RouterVersion: s.version, Fault: string(FaultDeadline)}
}

// Set is what is in service.
type Set struct {
	// Active decides for everybody who is not pinned and not in the canary's share. Nil: the static map
	// does, which is no fault.
	Active routing.Router
	// Canary decides for CanaryShare (0 to 1) of the requests.
	Canary      routing.Router
	CanaryShare float64
	// Shadow decides too, unseen.
	Shadow routing.Router
	// Pins are the routers of tenants that have one of their own.
	Pins map[string]routing.Router
}

// Calibrated is what a router may be beside routing.Router: one that brings the threshold that its
// calibration chose.
type Calibrated interface {
	// Threshold is between 0 and 1.
	Threshold() float64
}

// Rollback says that a canary was dropped.
type Rollback struct {
	Version string
	// Reason is in words, with the numbers.
	Reason string
	At     time.Time
}
