package learn

import (
	"errors"
	"fmt"
	"math"
)

// Hyper are the settings of an optimiser: AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101) with warm-up and a
// cosine. [DefaultHyper] has usual values; Steps must be set.
type Hyper struct {
	Rate     float64 // peak learning rate
	MinShare float64 // the cosine ends at this share of the peak
	Warmup   int     // steps of linear warm-up
	Steps    int     // optimiser steps in all

	Beta1, Beta2, Epsilon float64
	Decay                 float64 // weight decay, times the rate; norms never decay
	ClipNorm              float64 // largest global norm of the gradient; 0 is no limit
}

// DefaultHyper suits a small model trained from scratch; adapters like a rate five times smaller.
func DefaultHyper(steps int) Hyper {
	return Hyper{
		Rate: 2e-3, MinShare: 0.1, Warmup: min(steps/10+1, 100), Steps: steps,
		Beta1: 0.9, Beta2: 0.98, Epsilon: 1e-8, Decay: 0.01, ClipNorm: 1,
	}
}

// validate returns every fault at once.
func (h Hyper) validate() error {
	var faults []error
	if h.Rate <= 0 || h.Steps <= 0 || h.Warmup < 0 || h.Warmup > h.Steps {
		faults = append(faults, fmt.Errorf("rate %g and steps %d must be positive and warm-up %d within the steps", h.Rate, h.Steps, h.Warmup))
	}
	if h.Beta1 < 0 || h.Beta1 >= 1 || h.Beta2 < 0 || h.Beta2 >= 1 || h.Epsilon <= 0 {
		faults = append(faults, fmt.Errorf("beta %g, %g must be in [0,1) and epsilon %g positive", h.Beta1, h.Beta2, h.Epsilon))
	}
	if h.Decay < 0 || h.ClipNorm < 0 || h.MinShare < 0 || h.MinShare > 1 {
		faults = append(faults, fmt.Errorf("decay %g, clip norm %g must not be negative, min share %g in [0,1]", h.Decay, h.ClipNorm, h.MinShare))
	}
	return errors.Join(faults...)
}

// rateAt is the learning rate of a step, the first being 0.
func (h Hyper) rateAt(step int) float64 {
	if step < h.Warmup {
		return h.Rate * float64(step+1) / float64(h.Warmup)
	}
	progress := 1.0
	if h.Steps > h.Warmup {
		progress = math.Min(1, float64(step-h.Warmup)/float64(h.Steps-h.Warmup))
	}
	return h.Rate * (h.MinShare + (1-h.MinShare)*(1+math.Cos(math.Pi*progress))/2)
}
