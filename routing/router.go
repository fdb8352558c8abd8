package routing

import (
	"context"
	"errors"

	"sluice"
)

// Request is what a router may know of a query.
type Request struct {
	// Text is the question; in a conversation, the last user turn.
	Text string
	// Explain asks for a generated reasoning where the router can write one, which takes longer than a
	// decision alone.
	Explain bool
	// Tenant and Key (a request's, or a conversation's) are for routers that stand for several: pins go by
	// the one, a canary's share by the other. Both may be empty.
	Tenant, Key string
}

// Choice is what a router makes of a query.
type Choice struct {
	Policy sluice.Policy
	// Probabilities hold every policy, calibrated, and add up to 1.
	Probabilities map[sluice.Policy]float64
	// Reasoning says why, in words; ReasoningSource is "generated", "template" or "none".
	Reasoning       string
	ReasoningSource string
	// Version is the router's that chose.
	Version string
	// Threshold is the one that comes with this choice, where its router stands for several; else 0.
	Threshold float64
	// Truncated is true where the text was too long and its middle was left out.
	Truncated bool
}

// Score is P(Complex): the score that thresholds and metrics go by.
func (c Choice) Score() float64 { return c.Probabilities[sluice.Complex] }

// Router decides. It is safe for concurrent use. An error is one of this package's faults, or ctx's.
type Router interface {
	// Version identifies weights, prompt and calibration together; "static" for the static map.
	Version() string
	Route(ctx context.Context, r Request) (Choice, error)
}

// The faults of a router; whoever asks falls back to the static map and counts them.
var (
	ErrTooLong     = errors.New("the query is too long for the router")
	ErrUnparseable = errors.New("the router's output names no policy")
	ErrUnavailable = errors.New("no router is there")
)

// The sources of a reasoning.
const (
	ReasoningGenerated = "generated"
	ReasoningTemplate  = "template"
	ReasoningNone      = "none"
)
