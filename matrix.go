package sluice

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Cell is one cell of the oracle matrix: what both models' grades say about the query.
type Cell struct {
	Medium    Grade  `json:"medium"`
	Large     Grade  `json:"large"`
	Policy    Policy `json:"policy"`
	Rationale string `json:"rationale"`
}

// Matrix is the oracle: a policy for every pair of grades. Its cells are configuration, since on real
// data most "Incorrect & IDK" rows escalate to a model that then declines, which an operator may not
// want. The zero value has no cells; use [DefaultMatrix] or [NewMatrix].
type Matrix struct {
	cells   []Cell
	version string
}

// defaultCells is the whole table of the default matrix, row by row.
var defaultCells = []Cell{
	{Correct, Correct, Standard, "Both are right: the cheaper one will do."},
	{Correct, Incorrect, Standard, "Only the medium model is right."},
	{Correct, IDK, Standard, "The medium model is right where the large one declines."},
	{Incorrect, Correct, Complex, "Escalate: only the large model is right."},
	{Incorrect, Incorrect, Ambiguous, "Both fail: escalating buys nothing."},
	{Incorrect, IDK, Complex, "Escalate: the large model declines rather than mislead."},
	{IDK, Correct, Complex, "Escalate: the medium model declines, the large one is right."},
	{IDK, Incorrect, Ambiguous, "The medium model's IDK is safer than the large one's error."},
	{IDK, IDK, Ambiguous, "Both decline: nobody knows."},
}

// DefaultMatrix is the 9-cell oracle matrix of the architecture.
func DefaultMatrix() Matrix {
	m, err := NewMatrix(defaultCells)
	if err != nil {
		panic("sluice: the default matrix is not total: " + err.Error())
	}
	return m
}

// NewMatrix makes a matrix of exactly one cell for each of the nine pairs of grades. It reports every
// missing, repeated or unnamed cell at once.
func NewMatrix(cells []Cell) (Matrix, error) {
	var faults []error
	byPair := map[[2]Grade]Cell{}
	for _, c := range cells {
		pair := [2]Grade{c.Medium, c.Large}
		if _, err := ParseGrade(string(c.Medium)); err != nil {
			faults = append(faults, fmt.Errorf("matrix cell medium=%s large=%s: %w", c.Medium, c.Large, err))
		}
		if _, err := ParseGrade(string(c.Large)); err != nil {
			faults = append(faults, fmt.Errorf("matrix cell medium=%s large=%s: %w", c.Medium, c.Large, err))
		}
		if c.Policy == "" {
			faults = append(faults, fmt.Errorf("matrix cell medium=%s large=%s: no policy", c.Medium, c.Large))
		}
		if _, twice := byPair[pair]; twice {
			faults = append(faults, fmt.Errorf("matrix cell medium=%s large=%s: given twice", c.Medium, c.Large))
		}
		byPair[pair] = c
	}
	m := Matrix{}
	var spelled strings.Builder
	for _, medium := range Grades() {
		for _, large := range Grades() {
			c, ok := byPair[[2]Grade{medium, large}]
			if !ok {
				faults = append(faults, fmt.Errorf("matrix cell medium=%s large=%s: missing", medium, large))
			}
			m.cells = append(m.cells, c)
			fmt.Fprintf(&spelled, "%s/%s=%s;", medium, large, c.Policy)
		}
	}
	if err := errors.Join(faults...); err != nil {
		return Matrix{}, err
	}
	m.version = "m" + HashID("matrix", spelled.String())[:8]
	return m, nil
}

// Cells lists the nine cells row by row, medium's grade first.
func (m Matrix) Cells() []Cell { return slices.Clone(m.cells) }

// With is the matrix with some cells moved to another policy or rationale.
func (m Matrix) With(moved ...Cell) (Matrix, error) {
	cells := m.Cells()
	for _, mv := range moved {
		i := slices.IndexFunc(cells, func(c Cell) bool { return c.Medium == mv.Medium && c.Large == mv.Large })
		if i < 0 {
			cells = append(cells, mv) // NewMatrix names the fault
		} else {
			cells[i] = mv
		}
	}
	return NewMatrix(cells)
}

// Cell finds the cell of two grades. Both must be one of [Grades].
func (m Matrix) Cell(medium, large Grade) (Cell, error) {
	for _, c := range m.cells {
		if c.Medium == medium && c.Large == large {
			return c, nil
		}
	}
	return Cell{}, fmt.Errorf("oracle matrix: no cell for medium=%q large=%q", medium, large)
}

// Version is a function of the nine policies: a matrix with a cell moved has another one. Every
// [Label] records it.
func (m Matrix) Version() string { return m.version }
