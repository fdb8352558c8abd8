package artifact

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"sluice"
	"sluice/evaluation"
	"sluice/evaluation/controls"
	"sluice/routing"
)

// ControlFile holds a fitted control.
const ControlFile = "control.json"

// PutControl makes a sealed artifact of a fitted control in an empty or missing directory, so that a simple
// router that wins can be promoted like any other. shares are how often each policy is right in training, in
// the order of the manifest's policies.
func PutControl(dir string, r evaluation.Router, m Manifest, shares []float64) (_ Manifest, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // weights are no secret
		return Manifest{}, fmt.Errorf("artifact: %w", err)
	}
	if err := WriteControl(dir, r); err != nil {
		return Manifest{}, err
	}
	m.Kind = Kind(r.Name())
	if m.Calibration.Temperature == 0 {
		m.Calibration.Temperature = 1
	}
	m.Shares = shares
	if _, err := newControl(r, m); err != nil {
		return Manifest{}, err
	}
	return Seal(dir, m)
}

// WriteControl writes a fitted control into a directory that is to be sealed.
func WriteControl(dir string, r evaluation.Router) error {
	f, err := os.Create(filepath.Join(dir, ControlFile))
	if err != nil {
		return fmt.Errorf("artifact: %w", err)
	}
	if err := errors.Join(controls.Save(f, r), f.Close()); err != nil {
		return fmt.Errorf("artifact: %w", err)
	}
	return nil
}

// loadControl reads what [WriteControl] wrote.
func loadControl(dir string, m Manifest) (evaluation.Router, error) {
	f, err := os.Open(filepath.Join(dir, ControlFile))
	if err != nil {
		return nil, fmt.Errorf("artifact %s: %w", m.Version, err)
	}
	r, err := controls.Load(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("artifact %s: %w", m.Version, err)
	}
	return r, nil
}

// control is a fitted control as a router: P(Complex) is its score, and what is left is divided among the
// other policies as training divided it.
type control struct {
	manifest Manifest
	scorer   evaluation.Router
	complex  int
	rest     float64
}

func newControl(r evaluation.Router, m Manifest) (*control, error) {
	c := &control{manifest: m, scorer: r, complex: -1}
	if len(m.Shares) != len(m.Policies) {
		return nil, fmt.Errorf("artifact: %d shares for %d policies", len(m.Shares), len(m.Policies))
	}
	for i, p := range m.Policies {
		if !(m.Shares[i] >= 0) || m.Shares[i] > 1 {
			return nil, fmt.Errorf("artifact: the share %g of %s is none", m.Shares[i], p.Name)
		}
		if p.Name == sluice.Complex {
			c.complex = i
		} else {
			c.rest += m.Shares[i]
		}
	}
	if c.complex < 0 || c.rest <= 0 {
		return nil, fmt.Errorf("artifact: a control needs %s and rows of another policy", sluice.Complex)
	}
	return c, nil
}

func openControl(dir string, m Manifest) (routing.Router, error) {
	r, err := loadControl(dir, m)
	if err != nil {
		return nil, err
	}
	if r.Name() != string(m.Kind) {
		return nil, fmt.Errorf("artifact %s: the manifest says %s, %s holds %s", m.Version, m.Kind, ControlFile, r.Name())
	}
	return newControl(r, m)
}

// Version is the artifact's.
func (c *control) Version() string { return c.manifest.Version }

// Threshold is the calibration's: P(Complex) from which on the large model is asked; 0 where it chose none.
func (c *control) Threshold() float64 { return c.manifest.Calibration.Threshold }

// Route scores the text. The policy is the likeliest.
func (c *control) Route(ctx context.Context, req routing.Request) (routing.Choice, error) {
	if err := ctx.Err(); err != nil {
		return routing.Choice{}, err
	}
	p := min(max(c.scorer.Score(req.Text), 0), 1)
	choice := routing.Choice{Version: c.manifest.Version, Probabilities: make(map[sluice.Policy]float64, len(c.manifest.Policies))}
	best := -1.0
	for i, spec := range c.manifest.Policies {
		v := p
		if i != c.complex {
			v = (1 - p) * c.manifest.Shares[i] / c.rest
		}
		choice.Probabilities[spec.Name] = v
		if v > best {
			choice.Policy, best = spec.Name, v
		}
	}
	choice.Reasoning, choice.ReasoningSource = routing.Template(c.manifest.Policies, choice.Policy, best), routing.ReasoningTemplate
	return choice, nil
}
