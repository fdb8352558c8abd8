package evaluation

import "sluice"

// Sample is one graded query: what both models of a pair made of it.
type Sample struct {
	ID string
	// Text is all that a router sees.
	Text string
	// Medium and Large say whether that model's answer was right: 1, or 0 for wrong and declined alike.
	Medium, Large float64
	// MediumCost and LargeCost are what the answers cost: as billed, or estimated from their lengths.
	MediumCost, LargeCost sluice.MicroUSD
}

// Escalate is the label of the routing task: only the large model is right, so that asking it pays.
// It is Complex_Query in a pair's right/wrong terms.
func (s Sample) Escalate() bool { return s.Large > s.Medium }

// Policy is the sample's policy where only right and wrong are known: "medium right" is
// [sluice.Standard], "medium wrong and large right" [sluice.Complex], else [sluice.Ambiguous].
func (s Sample) Policy() sluice.Policy {
	switch {
	case s.Medium > 0:
		return sluice.Standard
	case s.Large > 0:
		return sluice.Complex
	}
	return sluice.Ambiguous
}

// OfPolicy is a sample of which only the policy is known, as training rows are: Complex is where the large model
// pays, of Ambiguous neither is right, and of all others both are.
func OfPolicy(id, text string, p sluice.Policy) Sample {
	s := Sample{ID: id, Text: text, Medium: 1, Large: 1}
	switch p {
	case sluice.Complex:
		s.Medium = 0
	case sluice.Ambiguous:
		s.Medium, s.Large = 0, 0
	}
	return s
}

// Router predicts from a query's text how likely it is that escalating pays.
type Router interface {
	// Name is what tables call it.
	Name() string
	// Fit learns from training samples; it may be called again, and then forgets what it knew.
	Fit(train []Sample) error
	// Score estimates P(Complex) for a text; higher means "send it to the large model sooner". A
	// router whose scores are probabilities says so by [Calibrated].
	Score(text string) float64
}

// Timed is a router that tells itself how long its last fit took, since it may share one with another.
type Timed interface{ FitSeconds() float64 }

// Calibrated is a router whose scores are meant as probabilities, so that a calibration error can be
// told.
type Calibrated interface{ Calibrated() bool }
