package artifact

import (
	"context"
	"fmt"
	"math"

	"sluice"
	"sluice/evaluation"
	"sluice/routing"
	"sluice/routing/scored"
)

// Blended is a Gemma router and a fitted control, half each: log-odds of P(Complex) are the mean of both, and the
// other policies keep the proportions that the model gives them. It is immutable and safe for concurrent use.
type Blended struct {
	model    *scored.Router
	control  evaluation.Router
	policies []sluice.PolicySpec
}

// NewBlend makes a blend of a model and a control that tell the same policies apart.
func NewBlend(model *scored.Router, control evaluation.Router, policies []sluice.PolicySpec) *Blended {
	return &Blended{model: model, control: control, policies: policies}
}

func openBlend(ctx context.Context, dir string, m Manifest) (routing.Router, error) {
	model, err := openModel(ctx, dir, m)
	if err != nil {
		return nil, err
	}
	control, err := loadControl(dir, m)
	if err != nil {
		return nil, err
	}
	if control.Name() != string(Logistic) {
		return nil, fmt.Errorf("artifact %s: a blend takes %s, %s holds %s", m.Version, Logistic, ControlFile, control.Name())
	}
	return NewBlend(model, control, m.Policies), nil
}

// Version is the artifact's.
func (b *Blended) Version() string { return b.model.Version() }

// Model is the half that is a model.
func (b *Blended) Model() routing.Router { return b.model }

// Threshold is the calibration's: P(Complex) from which on the large model is asked; 0 where it chose none.
func (b *Blended) Threshold() float64 { return b.model.Threshold() }

// Cold is the same router without the cache of its prompt's constant part. It is for measurements.
func (b *Blended) Cold(ctx context.Context) (routing.Router, error) {
	model, err := b.model.Cold(ctx)
	if err != nil {
		return nil, err
	}
	return NewBlend(model, b.control, b.policies), nil
}

// Route decides. An error is the context's.
func (b *Blended) Route(ctx context.Context, req routing.Request) (routing.Choice, error) {
	c, err := b.model.Route(ctx, req)
	if err != nil {
		return c, err
	}
	alone := clipped(c.Score())
	together := 1 / (1 + math.Exp(-(logOdds(alone)+logOdds(clipped(b.control.Score(req.Text))))/2))
	said, best := c.Policy, -1.0
	for _, p := range b.policies {
		v := together
		if p.Name != sluice.Complex {
			v = c.Probabilities[p.Name] * (1 - together) / (1 - alone)
		}
		c.Probabilities[p.Name] = v
		if v > best {
			c.Policy, best = p.Name, v
		}
	}
	if c.ReasoningSource != routing.ReasoningGenerated || c.Policy != said {
		c.Reasoning, c.ReasoningSource = routing.Template(b.policies, c.Policy, best), routing.ReasoningTemplate
	}
	return c, nil
}

// clipped keeps a probability off 0 and 1, where log-odds end.
func clipped(p float64) float64 { return min(max(p, 1e-6), 1-1e-6) }

func logOdds(p float64) float64 { return math.Log(p / (1 - p)) }
