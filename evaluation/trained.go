package evaluation

import (
	"context"
	"math"

	"sluice/routing"
)

// Trained is a router that was trained elsewhere; Fit leaves it as it is, so whoever uses it sees to it that
// the rows that it is scored on are none that it learnt from.
type Trained struct {
	ctx    context.Context //nolint:containedctx // the life of the evaluation: Fit and Score have none of their own
	name   string
	router routing.Router
}

// NewTrained makes an evaluation's router of a serving one.
func NewTrained(ctx context.Context, name string, r routing.Router) Trained {
	return Trained{ctx: ctx, name: name, router: r}
}

// Name is what tables call it.
func (t Trained) Name() string { return t.name }

// Calibrated is true.
func (t Trained) Calibrated() bool { return true }

// Fit does nothing.
func (t Trained) Fit([]Sample) error { return nil }

// Score is P(Complex). A query that the router can't decide, or of which it says no number, goes where the static map
// would send it: it scores 0.
func (t Trained) Score(text string) float64 {
	c, err := t.router.Route(t.ctx, routing.Request{Text: text})
	if err != nil || math.IsNaN(c.Score()) {
		return 0
	}
	return c.Score()
}
