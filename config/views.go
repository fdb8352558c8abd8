package config

import (
	"errors"
	"fmt"

	"sluice"
	"sluice/pricing"
)

// NamedStage is a stage's running conditions with the stage's name.
type NamedStage struct {
	Name string
	Stage
}

// All lists the stages in the order in which a query passes them; the monitor, which watches the online ring, last.
func (s Stages) All() []NamedStage {
	return []NamedStage{
		{"intake", s.Intake},
		{"answer", s.Answer},
		{"judge", s.Judge},
		{"label", s.Label},
		{"analysis", s.Analysis},
		{"record", s.Record},
		{"monitor", s.Monitor},
	}
}

// Model finds a model by its name.
func (c Config) Model(name string) (Model, bool) {
	for _, m := range c.Models {
		if m.Name == name {
			return m, true
		}
	}
	return Model{}, false
}

func (c Config) modelNames() []string {
	names := make([]string, 0, len(c.Models))
	for _, m := range c.Models {
		names = append(names, m.Name)
	}
	return names
}

// OracleMatrix is the default matrix with the configured cells moved.
func (c Config) OracleMatrix() (sluice.Matrix, error) {
	var faults []error
	moved := make([]sluice.Cell, 0, len(c.Matrix))
	seen := map[[2]string]bool{}
	for _, cell := range c.Matrix {
		pair := [2]string{cell.Medium, cell.Large}
		if seen[pair] {
			faults = append(faults, fmt.Errorf("cell medium=%s large=%s is moved twice", cell.Medium, cell.Large))
		}
		seen[pair] = true
		moved = append(moved, sluice.Cell{
			Medium: sluice.Grade(cell.Medium), Large: sluice.Grade(cell.Large),
			Policy: sluice.Policy(cell.Policy), Rationale: cell.Rationale,
		})
	}
	matrix, err := sluice.DefaultMatrix().With(moved...)
	if err = errors.Join(append(faults, err)...); err != nil {
		return sluice.Matrix{}, err
	}
	return matrix, nil
}

// PolicySpecs is the policies as the domain knows them.
func (c Config) PolicySpecs() []sluice.PolicySpec {
	out := make([]sluice.PolicySpec, 0, len(c.Policies))
	for _, p := range c.Policies {
		out = append(out, sluice.PolicySpec{Name: sluice.Policy(p.Name), Description: p.Description, Tier: sluice.Tier(p.Tier)})
	}
	return out
}

// PriceRows is the configured prices as their table wants them.
func (c Config) PriceRows() []pricing.Row {
	rows := make([]pricing.Row, 0, len(c.Prices))
	for _, p := range c.Prices {
		rows = append(rows, pricing.Row(p))
	}
	return rows
}
